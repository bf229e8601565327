// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { PINNED, cacheFolder, inspect } = require('./libtorch');
const { acquire } = require('./lock');
const { run } = require('./run');
const { Stop, say, progress, tilde, megabytes } = require('./say');
const { unpack, filesIn } = require('./wheel');

/** The archives and what is unpacked of them lie side by side for a while. */
const ROOM = { cpu: 1.2e9, cuda: 9e9 };
const CPU_INDEX = 'https://download.pytorch.org/whl/cpu';
const ZIPS = 'https://download.pytorch.org/libtorch/cpu';
const DOWNLOADS = 'https://pytorch.org/get-started/locally';

/**
 * @typedef {{ name: string, get(into: string, lock: Lock): Promise<string> }} Way gets an archive, or a folder of what
 * would be in it, and says where it is
 * @typedef {import('./libtorch').Libtorch} Libtorch
 * @typedef {import('./libtorch').Flavour} Flavour
 * @typedef {import('./lock').Lock} Lock
 */

/**
 * Fetches libtorch into the cache. It is made in a folder beside, and appears in its place in one step.
 * @param {Flavour} flavour
 * @returns {Promise<Libtorch>}
 */
async function fetchLibtorch(flavour) {
  const ways = flavour === 'cuda' ? cudaWaysHere() : waysHere();
  const target = cacheFolder(flavour);
  try {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    const lock = await acquire(`${target}.lock`, `fetching libtorch to ${tilde(target)}`);
    try {
      return whole(target) ?? (await fetchInto(target, flavour, ways, lock));
    } finally {
      lock.release();
    }
  } catch (error) {
    throw explain(error, target);
  }
}

/** @param {string} target */
function whole(target) {
  return inspect(path.join(target, 'torch'), 'fetched').found;
}

/**
 * @param {string} target
 * @param {Flavour} flavour
 * @param {Way[]} ways
 * @param {Lock} lock
 * @returns {Promise<Libtorch>}
 */
async function fetchInto(target, flavour, ways, lock) {
  sweep(target);
  checkRoom(target, ROOM[flavour]);
  const failures = [];
  for (const way of ways) {
    const beside = fs.mkdtempSync(`${target}.part-`);
    const removeBeside = () => remove(beside);
    process.on('exit', removeBeside);
    try {
      say(`fetching libtorch ${PINNED[flavour]}: ${way.name}`);
      return await make(target, flavour, beside, await way.get(beside, lock), lock);
    } catch (error) {
      if (codeOf(error) === 'ENOSPC') throw error;
      failures.push(`- ${way.name}: ${reason(error)}`);
    } finally {
      process.off('exit', removeBeside);
      removeBeside();
    }
  }
  throw new Stop(
    `libtorch ${PINNED[flavour]} could not be fetched. This was tried:`,
    ...failures,
    ...remedy(),
  );
}

/**
 * @param {string} target
 * @param {Flavour} flavour
 * @param {string} beside
 * @param {string} got
 * @param {Lock} lock
 * @returns {Promise<Libtorch>}
 */
async function make(target, flavour, beside, got, lock) {
  const unpacked = fs.statSync(got).isDirectory() ? got : await unpackBeside(beside, got, lock);
  const { found, problem } = inspect(path.join(unpacked, 'torch'), 'fetched');
  if (!found) throw new Error(problem);
  if (found.version !== PINNED[flavour] || (flavour === 'cuda' && found.flavour === 'cpu')) {
    throw new Error(`it holds libtorch ${found.version} (${found.flavour})`);
  }
  fs.rmSync(target, { recursive: true, force: true }); // one that is not whole
  fs.renameSync(unpacked, target);
  return /** @type {Libtorch} */ (whole(target));
}

/**
 * @param {string} beside
 * @param {string} archive
 * @param {Lock} lock
 */
async function unpackBeside(beside, archive, lock) {
  const unpacked = path.join(beside, 'unpacked');
  fs.mkdirSync(unpacked);
  say(`unpacking and checking ${path.basename(archive)} (${megabytes(fs.statSync(archive).size)} MB)`);
  await unpack(archive, unpacked, lock);
  return unpacked;
}

/**
 * Removes what killed set-ups left behind. The lock is held, so nobody is at work in it.
 * @param {string} target
 */
function sweep(target) {
  for (const name of fs.readdirSync(path.dirname(target))) {
    const left = name.startsWith(`${path.basename(target)}.part-`);
    if (left) remove(path.join(path.dirname(target), name));
  }
}

/**
 * Should something still be writing in it, it is left to the next sweep.
 * @param {string} beside
 */
function remove(beside) {
  try {
    fs.rmSync(beside, { recursive: true, force: true });
  } catch {}
}

/**
 * @param {string} target
 * @param {number} room in bytes
 */
function checkRoom(target, room) {
  const { bavail, bsize } = fs.statfsSync(path.dirname(target));
  if (bavail * bsize < room) {
    const [free, needed] = [megabytes(bavail * bsize), megabytes(room)];
    throw new Stop(
      `fetching libtorch needs ${needed} MB, and ${path.dirname(target)} has ${free} MB free.`,
      elsewhere(),
    );
  }
}

/** @returns {Way[]} */
function waysHere() {
  const here = `${process.platform} ${process.arch}`;
  if (here === 'darwin arm64') {
    return [pip(`torch==${PINNED.cpu}`), zip(`${ZIPS}/libtorch-macos-arm64-${PINNED.cpu}.zip`)];
  }
  if (here === 'linux x64' || here === 'linux arm64') {
    const wheels = [pip(`torch==${PINNED.cpu}+cpu`), pip(`torch==${PINNED.cpu}+cpu`, CPU_INDEX)];
    const official = zip(`${ZIPS}/libtorch-shared-with-deps-${PINNED.cpu}%2Bcpu.zip`);
    return process.arch === 'x64' ? [...wheels, official] : wheels;
  }
  throw new Stop(`libtorch is not fetched by itself on ${here}.`, ...byHand());
}

/** @returns {Way[]} */
function cudaWaysHere() {
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

function remedy() {
  const missing = require('./tools').find('python3')
    ? []
    : ["There is no python3: with it and pip, pip's way is open."];
  return [
    ...missing,
    'With a network, run the same command again. Without one, either install torch for the python3 on PATH,',
    `or bring libtorch by hand: ${byHand()[0]}`,
    ...byHand().slice(1),
  ];
}

function byHand() {
  return [
    `download libtorch ${PINNED.cpu} (the zip for C++, listed at ${DOWNLOADS}), unpack it,`,
    'and set LIBTORCH to the folder of that name in it.',
  ];
}

function elsewhere() {
  return 'Make room, or set XDG_CACHE_HOME to a folder elsewhere, or set LIBTORCH to a libtorch you have.';
}

/**
 * @param {unknown} error
 * @param {string} target
 */
function explain(error, target) {
  const code = codeOf(error);
  const folder = tilde(path.dirname(target));
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Stop(`the disk of ${folder} is full.`, elsewhere());
  if (code && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(code)) {
    return new Stop(`libtorch cannot be put into ${folder}: ${reason(error)}.`, elsewhere());
  }
  return error;
}

/**
 * @param {unknown} error
 * @returns {string | undefined}
 */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}

/** @param {unknown} error */
function reason(error) {
  const { message, cause } = /** @type {Error} */ (error);
  return cause instanceof Error ? cause.message : message;
}

module.exports = { fetchLibtorch, download };
