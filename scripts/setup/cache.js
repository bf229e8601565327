// @ts-check
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Stop, say, tilde, megabytes } = require('./say');

/** What this user's clones and projects share: libtorch, the source of the corpora, builds. Each is a folder. */

/** What earlier versions put there is kept this long after its last use: another project may still need it. */
const KEPT_DAYS = 90;
const OWN = /^(libtorch|build|chinese-poetry)-/;

/** The folder of the cache; as in lib/util/cache-folder.ts. */
function cacheRoot() {
  const xdg = process.env.XDG_CACHE_HOME;
  if (xdg && path.isAbsolute(xdg)) return path.join(xdg, 'tangshi');
  try {
    return path.join(os.homedir(), '.cache', 'tangshi');
  } catch {
    return path.join(os.tmpdir(), `tangshi-${process.getuid?.() ?? 'cache'}`);
  }
}

/**
 * Marks a folder as used now.
 * @param {string} folder
 */
function touch(folder) {
  try {
    fs.utimesSync(folder, new Date(), new Date());
  } catch {} // of another user
}

/**
 * Removes folders of other versions that have not been used for a long time.
 * @param {string[]} current folders to keep in any case
 */
function prune(current) {
  if (!fs.existsSync(cacheRoot())) return;
  const limit = Date.now() - KEPT_DAYS * 86_400_000;
  for (const entry of fs.readdirSync(cacheRoot(), { withFileTypes: true })) {
    const folder = path.join(cacheRoot(), entry.name);
    if (!entry.isDirectory() || !OWN.test(entry.name) || current.includes(folder)) continue;
    const used = fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs; // another setup may have removed it
    if (used === undefined || used > limit) continue;
    say(`removing ${tilde(folder)}, which has not been used for ${KEPT_DAYS} days`);
    remove(folder);
  }
}

/**
 * Calls a function with a new folder beside one that is to be made. Afterwards it is removed, unless it was renamed; so
 * are those that killed setups left behind. The caller holds the lock of the folder.
 * @template T
 * @param {string} target
 * @param {(beside: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
async function withFolderBeside(target, use) {
  sweep(target);
  const beside = fs.mkdtempSync(`${target}.part-`);
  const removeBeside = () => remove(beside);
  process.on('exit', removeBeside);
  try {
    return await use(beside);
  } finally {
    process.off('exit', removeBeside);
    removeBeside();
  }
}

/** @param {string} target */
function sweep(target) {
  for (const name of fs.readdirSync(path.dirname(target))) {
    const left = name.startsWith(`${path.basename(target)}.part-`);
    if (left) remove(path.join(path.dirname(target), name));
  }
}

/**
 * If another process is still writing to it, the next cleanup removes it.
 * @param {string} folder
 */
function remove(folder) {
  try {
    fs.rmSync(folder, { recursive: true, force: true });
  } catch {}
}

/**
 * @param {string} target
 * @param {number} room in bytes
 * @param {string} doing what needs it
 * @param {string} elsewhere what to do if there is too little
 */
function checkRoom(target, room, doing, elsewhere) {
  const { bavail, bsize } = fs.statfsSync(path.dirname(target));
  if (bavail * bsize >= room) return;
  const [free, needed] = [megabytes(bavail * bsize), megabytes(room)];
  throw new Stop(
    `${doing} needs ${needed} MB, but ${path.dirname(target)} has only ${free} MB free.`,
    elsewhere,
  );
}

module.exports = { cacheRoot, touch, prune, withFolderBeside, checkRoom };
