// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { checkRoom, withFolderBeside } = require('./cache');
const { PINNED, cacheFolder, inspect } = require('./libtorch');
const { acquire } = require('./lock');
const { Stop, say, tilde, megabytes } = require('./say');
const { byHand, waysTo } = require('./ways');
const { unpack } = require('./wheel');

/** Disk space: for a while, the archives and their unpacked files exist side by side. */
const ROOM = { cpu: 1.2e9, cuda: 9e9 };

/**
 * @typedef {import('./ways').Way} Way
 * @typedef {import('./libtorch').Libtorch} Libtorch
 * @typedef {import('./libtorch').Flavour} Flavour
 * @typedef {import('./lock').Lock} Lock
 */

/**
 * Downloads libtorch into the cache: into a temporary folder first, which is then renamed.
 * @param {Flavour} flavour
 * @returns {Promise<Libtorch>}
 */
async function fetchLibtorch(flavour) {
  const ways = waysTo(flavour);
  const target = cacheFolder(flavour);
  try {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    const lock = await acquire(`${target}.lock`, `downloading libtorch to ${tilde(target)}`);
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
  checkRoom(target, ROOM[flavour], 'downloading libtorch', elsewhere());
  const failures = [];
  for (const way of ways) {
    try {
      say(`downloading libtorch ${PINNED[flavour]}: ${way.name}`);
      return await withFolderBeside(target, async (beside) =>
        make(target, flavour, beside, await way.get(beside, lock), lock),
      );
    } catch (error) {
      if (codeOf(error) === 'ENOSPC') throw error;
      failures.push(`- ${way.name}: ${reason(error)}`);
    }
  }
  throw new Stop(`libtorch ${PINNED[flavour]} could not be downloaded. Tried:`, ...failures, ...remedy());
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
    throw new Error(`it contains libtorch ${found.version} (${found.flavour})`);
  }
  fs.rmSync(target, { recursive: true, force: true }); // incomplete
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

function remedy() {
  const missing = require('./tools').find('python3')
    ? []
    : ["There is no python3: with it and pip, pip's way is open."];
  return [
    ...missing,
    'With a network connection, run the same command again. Without one, install torch for the python3 on PATH,',
    `or get libtorch manually: ${byHand()[0]}`,
    ...byHand().slice(1),
  ];
}

function elsewhere() {
  return 'Free some space, set XDG_CACHE_HOME to another folder, or set LIBTORCH to an existing libtorch.';
}

/**
 * @param {unknown} error
 * @param {string} target
 */
function explain(error, target) {
  const code = codeOf(error);
  const folder = tilde(path.dirname(target));
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new Stop(`the disk with ${folder} is full.`, elsewhere());
  if (code && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(code)) {
    return new Stop(`cannot write libtorch to ${folder}: ${reason(error)}.`, elsewhere());
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

module.exports = { fetchLibtorch };
