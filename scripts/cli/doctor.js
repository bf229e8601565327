#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * Reports what is installed, what is missing, and how to fix it. Needs only Node, changes nothing and downloads nothing. The
 * exit code is 1 if poems cannot be generated.
 *
 *   npm run doctor
 */

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { addonFile, readStamp, whyStale } = require('../setup/addon');
const { findQuickly, findInPython } = require('../setup/libtorch');
const { modulesStale } = require('../setup/modules');
const prebuilt = require('../setup/prebuilt');
const { Stop, tilde } = require('../setup/say');
const { checkTools } = require('../setup/tools');

const root = path.resolve(__dirname, '../..');
const installed = root.split(path.sep).includes('node_modules');
const SETUP = installed ? 'npx tangshi setup' : 'npm run setup';

/** Loads the addon and takes a training step on every device, in its own process in case it crashes. */
const TRIAL = `
const addon = require(process.argv[1]);
const model = { cell: 'lstm', vocabSize: 64, embedDim: 64, hiddenDim: 64, layers: 2, dropout: 0,
  tieWeights: false, reluLogits: false, xavierOutput: false };
const optimizer = { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };
const ids = new Int32Array(16 * 8).fill(1);
const batch = { inputs: ids, targets: ids, rows: 16, time: 8 };
async function trial(device) {
  const session = await addon.TrainingSession.open({ model, optimizer, device, seed: 1n, threads: 1 });
  const steps = await session.train([batch, batch, batch], { lr: 0.01, clipNorm: 1 }).done;
  await session.dispose();
  return { device, captured: steps[2].captured };
}
(async () => {
  const cuda = await addon.findCuda();
  const devices = [...cuda.devices.map((_, i) => 'cuda:' + i).filter(() => !cuda.problem), 'cpu'];
  const trials = [];
  for (const device of devices) {
    trials.push(await trial(device).catch(({ message }) => ({ device, error: message })));
  }
  console.log(JSON.stringify({ cuda, trials, kernels: addon.kernels, torch: addon.torchVersion }));
})();`;

/**
 * @typedef {{ what: string, is: string, mend?: string, needed?: boolean }} Finding mend: how to fix it; needed: nothing
 * works without it
 * @typedef {{ cuda: import('../../lib/native/contract').CudaFacts, trials: { device: string, captured?: boolean, error?: string }[], kernels: string,
 *             torch: string }} Trial
 */

/** @returns {Finding[]} */
function examine() {
  const system = {
    what: 'system',
    is: `${process.platform} ${process.arch}, ${os.availableParallelism()} threads, ${gigabytes(os.totalmem())} of memory`,
  };
  return [system, node(), tools(), modules(), writer(), libtorch(), ...training()];
}

/** @returns {Finding} */
function node() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > 20 || (major === 20 && minor >= 20);
  return {
    what: 'Node',
    is: process.versions.node,
    ...(!recent && { mend: 'install Node 20.20 or newer', needed: true }),
  };
}

/** @returns {Finding} */
function tools() {
  const finding = attempt('build tools', () => {
    checkTools();
    return 'a C++20 compiler and CMake';
  });
  return { ...finding, needed: false }; // not needed once the addons are built
}

/** @returns {Finding} */
function modules() {
  return modulesStale(root)
    ? { what: 'node modules', is: 'do not match package-lock.json', mend: SETUP, needed: true }
    : { what: 'node modules', is: 'installed' };
}

/** @returns {Finding} */
function writer() {
  return attempt('generation', () => {
    const why = whyStale(root, 'writer', null);
    if (why === null) return 'built from source';
    if (prebuilt.loads(root)) return 'precompiled';
    throw new Stop(`the addon needs to be built: ${why}`, installed ? `${SETUP} --writer` : SETUP);
  });
}

/** @returns {Finding} */
function libtorch() {
  const finding = attempt('libtorch', () => {
    const found = findQuickly(readStamp(root)?.libtorch ?? undefined) ?? findInPython();
    if (!found) throw new Stop('not found', `${SETUP} downloads it`);
    return `${found.version} (${found.flavour}) in ${tilde(found.dir)}`;
  });
  return { ...finding, needed: false }; // only training and GPUs need it
}

/** @returns {Finding[]} */
function training() {
  const stale = attempt('training', () => {
    const why = whyStale(root, 'training', findQuickly(readStamp(root)?.libtorch ?? undefined));
    if (why) throw new Stop(`the addon for training and GPUs needs to be built: ${why}`, SETUP);
    return 'built';
  });
  if (stale.mend) return [{ ...stale, needed: false }];
  const file = addonFile(root, 'training');
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', TRIAL, file], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    const reason =
      stderr.split('\n').find((line) => line.includes('Error')) ?? `it exited with ${signal ?? status}`;
    return [{ what: 'training', is: `does not work: ${reason}`, mend: `rm -r build && ${SETUP}` }];
  }
  /** @type {Trial} */
  const { cuda, trials, kernels, torch } = JSON.parse(stdout);
  return [
    { what: 'training', is: `built for libtorch ${torch}; kernels for ${kernels}` },
    cudaFinding(cuda),
    ...trials.map((trial) => trialFinding(trial, cuda)),
  ];
}

/**
 * @param {Trial['trials'][number]} trial
 * @param {import('../../lib/native/contract').CudaFacts} cuda
 * @returns {Finding}
 */
function trialFinding({ device, captured, error }, cuda) {
  if (error !== undefined) {
    return {
      what: device,
      is: `fails: ${error}`,
      mend: 'use another device: --device',
    };
  }
  const is = `${nameOf(device, cuda)}took a training step`;
  if (device === 'cpu') return { what: device, is };
  if (captured) return { what: device, is: `${is} as a CUDA graph` };
  const built = fs.existsSync(path.join(path.dirname(addonFile(root, 'training')), 'tangshi_cuda.so'));
  const mend = built
    ? undefined
    : `install the CUDA headers (part of the toolkit), then: rm -r build && ${SETUP}`;
  return { what: device, is: `${is}, but not as a CUDA graph`, mend };
}

/**
 * @param {import('../../lib/native/contract').CudaFacts} cuda
 * @returns {Finding}
 */
function cudaFinding({ devices, driver, problem }) {
  const there = driver === undefined ? '' : `driver for CUDA ${driver}, ${devices.length} device(s)`;
  return { what: 'CUDA', is: [there, problem].filter(Boolean).join('; ') };
}

/**
 * @param {string} device
 * @param {import('../../lib/native/contract').CudaFacts} cuda
 */
function nameOf(device, { devices }) {
  const found = devices[Number(device.replace('cuda:', ''))];
  return found ? `${found.name}, ${gigabytes(found.memory)}, ` : '';
}

/**
 * @param {string} what
 * @param {() => string} look may throw a Stop: what is wrong, and what to do
 * @returns {Finding}
 */
function attempt(what, look) {
  try {
    return { what, is: look() };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const [is = '', ...rest] = error.message.split('\n');
    return { what, is, mend: rest.join('; ') || SETUP, needed: true };
  }
}

/** @param {number} bytes */
function gigabytes(bytes) {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

const HELP = 'Reports what is installed, what is missing, and how to fix it.\n';

function report() {
  const findings = examine();
  for (const { what, is, mend } of findings)
    process.stdout.write(`${what.padEnd(13)} ${is}\n${mend ? `${''.padEnd(13)} -> ${mend}\n` : ''}`);
  process.exitCode = findings.some(({ needed }) => needed) ? 1 : 0;
}

process.stdout.on('error', () => undefined); // a reader such as head may close the pipe early

try {
  const options = /** @type {const} */ ({
    help: { type: 'boolean', short: 'h' },
    lang: { type: 'string' }, // accepted by every command; this one speaks English
    quiet: { type: 'boolean' },
  });
  if (parseArgs({ options }).values.help) process.stdout.write(HELP);
  else report();
} catch (error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  if (!code?.startsWith('ERR_PARSE_ARGS')) throw error;
  process.stderr.write(`error: ${message.split('. ')[0]}\n`);
  process.exitCode = 2;
}
