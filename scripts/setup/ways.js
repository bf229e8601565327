// @ts-check
'use strict';

/** The sources of libtorch downloads. Each returns the path of an archive, or of a folder with its content. */

const fs = require('node:fs');
const path = require('node:path');
const { PINNED } = require('./libtorch');
const { run } = require('./run');
const { Stop, progress, megabytes } = require('./say');
const { filesIn } = require('./wheel');

/**
 * @typedef {import('./libtorch').Flavour} Flavour
 * @typedef {import('./lock').Lock} Lock
 * @typedef {{ name: string, get(into: string, lock: Lock): Promise<string> }} Way get: returns the path of what it
 * downloaded
 */

const CPU_INDEX = 'https://download.pytorch.org/whl/cpu';
const ZIPS = 'https://download.pytorch.org/libtorch/cpu';
const DOWNLOADS = 'https://pytorch.org/get-started/locally';

/**
 * @param {Flavour} flavour
 * @returns {Way[]} those available on this kind of machine, the best first
 */
function waysTo(flavour) {
  return flavour === 'cuda' ? cudaWays() : cpuWays();
}

/** @returns {Way[]} */
function cpuWays() {
  const here = `${process.platform} ${process.arch}`;
  if (isMusl()) {
    throw new Stop(
      'libtorch is built for glibc, but this system uses musl (like Alpine).',
      'Use a system with glibc (such as Debian, Ubuntu or Fedora), or set LIBTORCH to a libtorch built for musl.',
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
  throw new Stop(`libtorch cannot be downloaded automatically on ${here}.`, ...byHand());
}

/** Whether this Linux uses a C library other than glibc. */
function isMusl() {
  if (process.platform !== 'linux') return false;
  const { report } = /** @type {{ report: NodeJS.ProcessReport & { excludeNetwork?: boolean } }} */ (process);
  report.excludeNetwork = true; // looking up host names may take seconds
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (report.getReport());
  return header.glibcVersionRuntime === undefined;
}

/** @returns {Way[]} */
function cudaWays() {
  if (process.platform === 'linux' && process.arch === 'x64')
    return [pipWithLibraries(`torch==${PINNED.cuda}`)];
  throw new Stop(
    `libtorch for CUDA cannot be downloaded automatically on ${process.platform} ${process.arch}.`,
    'Set LIBTORCH to the torch folder of a Python with a CUDA build of torch.',
  );
}

/** Options of every pip call. They fix the Python version, since the interpreter that runs pip does not matter. */
const PIP = ['--only-binary=:all:', '--python-version', '3.11', '--implementation', 'cp', '--no-cache-dir'];
PIP.push('--no-input', '--disable-pip-version-check', '--progress-bar=off');

/**
 * torch with the CUDA libraries that its own libraries load by relative paths.
 * @param {string} requirement
 * @returns {Way}
 */
function pipWithLibraries(requirement) {
  return {
    name: `pip install ${requirement} with CUDA's libraries (5 GB) from pip's configured index`,
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
  const env = { ...process.env, TMPDIR: into }; // so that its temporary files are removed with the folder
  const { ok, lines } = await run('python3', args, { cwd: into, env, lock }).finally(stop);
  if (!ok) throw new Error(lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1));
}

/**
 * @param {string} requirement
 * @param {string} [index] default: the index that pip is configured to use
 * @returns {Way}
 */
function pip(requirement, index) {
  const args = ['-m', 'pip', 'download', '--no-deps', ...PIP];
  if (index) args.push('--index-url', index);
  return {
    name: `pip download ${requirement} from ${index ?? "pip's configured index"}`,
    async get(into, lock) {
      await runPip(into, [...args, requirement], lock);
      const wheel = fs.readdirSync(into).find((name) => name.endsWith('.whl'));
      if (!wheel) throw new Error('pip downloaded no wheel');
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
    throw new Error(`the server responded with ${response.status} ${response.statusText}`);
  await pipeline(Readable.fromWeb(/** @type {any} */ (response.body)), fs.createWriteStream(file));
  const expected = Number(response.headers.get('content-length') ?? 0);
  const got = fs.statSync(file).size;
  if (expected && got !== expected) throw new Error(`the download stopped after ${got} of ${expected} bytes`);
}

/**
 * Shows the size of a folder until it is stopped.
 * @param {string} dir
 */
function watch(dir) {
  const line = progress();
  const timer = setInterval(() => line.show(`${megabytes(sizeOf(dir))} MB downloaded`), 500);
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
    return 0; // a file was deleted in the meantime
  }
}

function byHand() {
  return [
    `download libtorch ${PINNED.cpu} (the C++ zip listed at ${DOWNLOADS}), unpack it,`,
    'and set LIBTORCH to the folder libtorch in it.',
  ];
}

module.exports = { waysTo, byHand, download };
