// @ts-check
'use strict';

/**
 * The ways to get libtorch from elsewhere: an archive, or a folder of what would be in it.
 */

const fs = require('node:fs');
const path = require('node:path');
const { PINNED } = require('./libtorch');
const { run } = require('./run');
const { Stop, progress, megabytes } = require('./say');
const { filesIn } = require('./wheel');

/**
 * @typedef {import('./libtorch').Flavour} Flavour
 * @typedef {import('./lock').Lock} Lock
 * @typedef {{ name: string, get(into: string, lock: Lock): Promise<string> }} Way get: says where what it brought is
 */

const CPU_INDEX = 'https://download.pytorch.org/whl/cpu';
const ZIPS = 'https://download.pytorch.org/libtorch/cpu';
const DOWNLOADS = 'https://pytorch.org/get-started/locally';

/**
 * @param {Flavour} flavour
 * @returns {Way[]} those there are on this kind of machine, the best first
 */
function waysTo(flavour) {
  return flavour === 'cuda' ? cudaWays() : cpuWays();
}

/** @returns {Way[]} */
function cpuWays() {
  const here = `${process.platform} ${process.arch}`;
  if (isMusl()) {
    throw new Stop(
      'libtorch is built for glibc, and this system has musl (as Alpine does).',
      'Use a system with glibc (as Debian, Ubuntu or Fedora have), or set LIBTORCH to a libtorch built for musl.',
    );
  }
  if (here === 'darwin arm64') {
    return [pip(`torch==${PINNED.cpu}`)];
  }
  if (here === 'linux x64' || here === 'linux arm64') {
    const wheels = [pip(`torch==${PINNED.cpu}+cpu`), pip(`torch==${PINNED.cpu}+cpu`, CPU_INDEX)];
    const official = zip(`${ZIPS}/libtorch-shared-with-deps-${PINNED.cpu}%2Bcpu.zip`);
    return process.arch === 'x64' ? [...wheels, official] : wheels;
  }
  throw new Stop(`libtorch is not fetched by itself on ${here}.`, ...byHand());
}

/** Whether this Linux has another C library than glibc. */
function isMusl() {
  if (process.platform !== 'linux') return false;
  const { report } = /** @type {{ report: NodeJS.ProcessReport & { excludeNetwork?: boolean } }} */ (process);
  report.excludeNetwork = true; // looking up the names of hosts may take seconds
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (report.getReport());
  return header.glibcVersionRuntime === undefined;
}

/** @returns {Way[]} */
function cudaWays() {
  if (process.platform === 'linux' && process.arch === 'x64')
    return [pipWithLibraries(`torch==${PINNED.cuda}`)];
  throw new Stop(
    `libtorch for CUDA is not fetched by itself on ${process.platform} ${process.arch}.`,
    'Set LIBTORCH to the torch folder of a Python that has torch for CUDA.',
  );
}

/** What every call of pip is told: the interpreter that it runs on is not the one that matters. */
const PIP = ['--only-binary=:all:', '--python-version', '3.11', '--implementation', 'cp', '--no-cache-dir'];
PIP.push('--no-input', '--disable-pip-version-check', '--progress-bar=off');

/**
 * torch with the CUDA libraries that its own libraries look for, relative to where they lie.
 * @param {string} requirement
 * @returns {Way}
 */
function pipWithLibraries(requirement) {
  return {
    name: `pip install ${requirement} with CUDA's libraries (5 GB) from pip's own index`,
    async get(into, lock) {
      const site = path.join(into, 'site');
      const args = ['-m', 'pip', 'install', ...PIP, '--no-compile', '--target', site, requirement];
      await runPip(into, args, lock);
      return site;
    },
  };
}

/**
 * @param {string} into
 * @param {string[]} args
 * @param {Lock} lock
 */
async function runPip(into, args, lock) {
  const stop = watch(into);
  const env = { ...process.env, TMPDIR: into }; // its unfinished files too are then removed with the folder
  const { ok, lines } = await run('python3', args, { cwd: into, env, lock }).finally(stop);
  if (!ok) throw new Error(lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1));
}

/**
 * @param {string} requirement
 * @param {string} [index] else the index that pip is set to
 * @returns {Way}
 */
function pip(requirement, index) {
  const args = ['-m', 'pip', 'download', '--no-deps', ...PIP];
  if (index) args.push('--index-url', index);
  return {
    name: `pip download ${requirement} from ${index ?? "pip's own index"}`,
    async get(into, lock) {
      await runPip(into, [...args, requirement], lock);
      const wheel = fs.readdirSync(into).find((name) => name.endsWith('.whl'));
      if (!wheel) throw new Error('pip brought no wheel');
      return path.join(into, wheel);
    },
  };
}

/**
 * @param {string} url
 * @returns {Way}
 */
function zip(url) {
  return {
    name: `download ${url}`,
    async get(into) {
      const stop = watch(into);
      const file = path.join(into, path.basename(decodeURIComponent(url)));
      await download(url, file).finally(stop);
      return file;
    },
  };
}

/**
 * @param {string} url
 * @param {string} file
 */
async function download(url, file) {
  const { Readable } = require('node:stream');
  const { pipeline } = require('node:stream/promises');
  const response = await fetch(url);
  if (!response.ok || !response.body)
    throw new Error(`the server answered ${response.status} ${response.statusText}`);
  await pipeline(Readable.fromWeb(/** @type {any} */ (response.body)), fs.createWriteStream(file));
  const expected = Number(response.headers.get('content-length') ?? 0);
  const got = fs.statSync(file).size;
  if (expected && got !== expected)
    throw new Error(`the download broke off after ${got} of ${expected} bytes`);
}

/**
 * Shows how much has arrived in a folder, until it is told to stop.
 * @param {string} dir
 */
function watch(dir) {
  const line = progress();
  const timer = setInterval(() => line.show(`${megabytes(sizeOf(dir))} MB have arrived`), 500);
  return () => {
    clearInterval(timer);
    line.done();
  };
}

/** @param {string} dir */
function sizeOf(dir) {
  try {
    return filesIn(dir).reduce((sum, file) => sum + fs.statSync(path.join(dir, file)).size, 0);
  } catch {
    return 0; // a file went while we looked
  }
}

function byHand() {
  return [
    `download libtorch ${PINNED.cpu} (the zip for C++, listed at ${DOWNLOADS}), unpack it,`,
    'and set LIBTORCH to the folder of that name in it.',
  ];
}

module.exports = { waysTo, byHand, download };
