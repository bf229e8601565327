// @ts-check
'use strict';

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { cacheRoot } = require('./cache');
const { describe } = require('./libtorch');
const { run } = require('./run');
const { Stop, say, progress } = require('./say');

/**
 * The two addons: `writer` generates poems and is built in seconds; `training` needs libtorch.
 *
 * @typedef {import('./libtorch').Libtorch} Libtorch
 * @typedef {import('./lock').Lock} Lock
 * @typedef {'writer' | 'training'} Kind
 * @typedef {{ sources: string, libtorch: Libtorch | null, node: string }} Stamp what an addon was built from
 */

/** @type {Readonly<Record<Kind, { file: string, stamp: string, what: string }>>} */
const ADDONS = {
  writer: { file: 'writer.node', stamp: 'writer.stamp.json', what: 'the addon' },
  training: { file: 'tangshi.node', stamp: 'tangshi.stamp.json', what: 'the addon for training' },
};

/** Approximate memory use of one compilation with libtorch's headers. */
const UNIT_BYTES = 2e9;
/** Build time: first the precompiled header, then each source file. */
const HEADERS_SECONDS = 40;
const UNIT_SECONDS = 6;

/**
 * The folder for builds: in the package or, if that cannot be written to, in the user's cache. lib/native/addon.ts looks
 * in both.
 * @param {string} root
 */
function buildFolder(root) {
  const own = path.join(root, 'build');
  if (isWritable(fs.existsSync(own) ? own : root)) return own;
  const { version } = require(path.join(root, 'package.json'));
  return path.join(cacheRoot(), `build-${version}-${process.platform}-${process.arch}`);
}

/** @param {string} folder */
function isWritable(folder) {
  try {
    fs.accessSync(folder, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * What an addon was built from; undefined unless the last build completed.
 * @param {string} root
 * @param {Kind} kind
 * @returns {Stamp | undefined}
 */
function readStamp(root, kind = 'training') {
  try {
    return JSON.parse(fs.readFileSync(stampFile(root, kind), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} root
 * @param {Kind} kind
 * @param {Libtorch | null} libtorch null for the writer
 * @returns {string | null} why the addon must be built, or null if it is up to date
 */
function whyStale(root, kind, libtorch) {
  const stamp = readStamp(root, kind);
  if (!stamp || !fs.existsSync(addonFile(root, kind))) return 'it is not built yet';
  if (kind === 'training' && !libtorch) return `libtorch is no longer in ${stamp.libtorch?.dir}`;
  if (!sameLibtorch(stamp.libtorch, libtorch)) return 'libtorch changed';
  if (stamp.node !== nodeAbi()) return 'Node changed';
  if (stamp.sources !== hashSources(root)) return 'its sources changed';
  if (makefileIsForeign(root)) return 'node-gyp overwrote its Makefile';
  return null;
}

/**
 * Builds the addon for training and, with it, the writer.
 * @param {string} root
 * @param {Libtorch} libtorch
 * @param {string} why
 * @param {Lock} lock
 */
async function buildAddon(root, libtorch, why, lock) {
  const last = readStamp(root);
  const sameLast = sameLibtorch(last?.libtorch, libtorch) && last?.node === nodeAbi();
  if (!sameLast) say(describe(libtorch));
  await buildKinds(root, ['writer', 'training'], {
    stamp: { sources: hashSources(root), libtorch, node: nodeAbi() },
    why: `${why}${last ? '' : ` (about ${estimate(root)}, once)`}`,
    defines: ['--CDWRITER_ONLY=OFF', `--CDLIBTORCH=${libtorch.dir}`],
    keepCache: sameLast,
    lock,
  });
}

/**
 * Builds the addon that generates poems: without libtorch, in seconds.
 * @param {string} root
 * @param {string} why
 * @param {Lock} lock
 */
async function buildWriter(root, why, lock) {
  await buildKinds(root, ['writer'], {
    stamp: { sources: hashSources(root), libtorch: null, node: nodeAbi() },
    why,
    defines: ['--CDWRITER_ONLY=ON'],
    keepCache: false,
    lock,
  });
}

/**
 * @param {string} root
 * @param {Kind[]} kinds
 * @param {{ stamp: Stamp, why: string, defines: string[], keepCache: boolean, lock: Lock }} options
 */
async function buildKinds(root, kinds, { stamp, why, defines, keepCache, lock }) {
  const { what } = ADDONS[/** @type {Kind} */ (kinds.at(-1))];
  say(`building ${what}, because ${why}`);
  const started = Date.now();
  for (const kind of kinds) fs.rmSync(stampFile(root, kind), { force: true }); // an interrupted build leaves no stamp
  fs.writeFileSync(logFile(root), '');
  await configure(root, defines, keepCache, lock);
  const target = kinds.includes('training') ? [] : ['--target', 'writer'];
  const { ok, lines } = await build(root, target, `building ${what}`, lock);
  if (!ok) throw failure(root, `${what} could not be built`, lines);
  for (const kind of kinds) {
    if (!fs.existsSync(addonFile(root, kind)))
      throw failure(root, `the build did not produce ${addonFile(root, kind)}`, lines);
    const file = stampFile(root, kind);
    const own = kind === 'writer' ? { ...stamp, libtorch: null } : stamp;
    fs.writeFileSync(`${file}.new`, JSON.stringify(own, null, 2));
    fs.renameSync(`${file}.new`, file);
  }
  say(`built ${what} in ${seconds(started)} s`);
}

/**
 * Removes the compiler output, half a gigabyte. Keeps the addon, its stamp and the log.
 * @param {string} root
 */
function dropLeftovers(root) {
  const stamps = Object.values(ADDONS).map(({ stamp }) => stamp);
  const keep = ['Release', ...stamps, path.basename(logFile(root)), 'setup.lock'];
  const folder = buildFolder(root);
  for (const name of fs.readdirSync(folder)) {
    if (!keep.includes(name)) fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

/**
 * Builds the C++ unit tests; returns at once if they are up to date.
 * @param {string} root
 * @param {Lock} lock
 */
async function buildTests(root, lock) {
  const { ok, lines } = await build(root, ['--target', 'native-tests'], 'building the C++ tests', lock);
  if (!ok) throw failure(root, 'the C++ tests could not be built', lines);
}

/**
 * Drops CMake's cache if it is for another libtorch, compiler or folder.
 * @param {string} root
 * @param {string[]} defines
 * @param {boolean} keepCache
 * @param {Lock} lock
 */
async function configure(root, defines, keepCache, lock) {
  const cache = path.join(buildFolder(root), 'CMakeCache.txt');
  const program = createRequire(path.join(root, 'package.json')).resolve('cmake-js/bin/cmake-js');
  const args = [program, 'configure', '-d', root, '-O', buildFolder(root), ...defines];
  const options = { cwd: root, env: buildEnv(root), log: logFile(root), lock };
  if (keepCache && fs.existsSync(cache) && (await run(process.execPath, args, options)).ok) return;
  fs.rmSync(cache, { force: true });
  const { ok, lines } = await run(process.execPath, args, options);
  if (!ok) throw failure(root, 'the build of the addon could not be configured', lines);
}

/**
 * Does what cmake-js does after it has configured, and shows the progress.
 * @param {string} root
 * @param {string[]} target
 * @param {string} label
 * @param {Lock} lock
 */
async function build(root, target, label, lock) {
  const args = ['--build', buildFolder(root), '--config', 'Release', '--parallel', String(jobs()), ...target];
  const line = progress();
  const started = Date.now();
  /** @param {string} text */
  const onLine = (text) => {
    const [, step] = text.match(/^\[\s*(\d+\/\d+|\d+%)\]/) ?? []; // progress as printed by ninja and make
    if (step) line.show(`${label}: ${step.replace('/', ' of ')} (${seconds(started)} s)`);
  };
  const options = { cwd: root, env: buildEnv(root), log: logFile(root), lock, onLine };
  return run('cmake', args, options).finally(line.done);
}

/**
 * The environment of a build. TANGSHI_SETUP keeps the build from starting the setup again. Variables that make passes
 * to its children are removed: make may have started this setup, through binding.gyp.
 * @param {string} root
 */
function buildEnv(root) {
  const { MAKEFLAGS, MFLAGS, MAKELEVEL, MAKEOVERRIDES, ...env } = process.env;
  return { ...env, TANGSHI_SETUP: root };
}

/**
 * @param {string} root
 * @param {string} what
 * @param {string[]} lines
 */
function failure(root, what, lines) {
  return new Stop(`${what}:`, ...lines.slice(-40), `Full output: ${logFile(root)}`);
}

/** @param {number} started */
function seconds(started) {
  return Math.round((Date.now() - started) / 1000);
}

/** As many parallel compilations as there are cores, limited by memory. */
function jobs() {
  const free = process.platform === 'darwin' ? os.totalmem() / 2 : process.availableMemory();
  return Math.max(1, Math.min(os.availableParallelism(), Math.floor(free / UNIT_BYTES)));
}

/** @param {string} root */
function estimate(root) {
  // The others compile in no time.
  const units = nativeFiles(root).filter((file) =>
    /^native\/(addon|cuda|model|train)\/[^/]+\.cc$/.test(file),
  );
  const minutes = Math.max(1, Math.round((HEADERS_SECONDS + (units.length * UNIT_SECONDS) / jobs()) / 60));
  return `${minutes} minute${minutes > 1 ? 's' : ''}`;
}

/** @param {string} root */
function hashSources(root) {
  const digest = createHash('sha256');
  for (const file of ['CMakeLists.txt', ...nativeFiles(root)]) {
    const content = fs.readFileSync(path.join(root, file));
    digest.update(`${file}\0${content.length}\0`).update(content);
  }
  return digest.digest('hex');
}

/**
 * @param {string} root
 * @returns {string[]} in an order that does not depend on the machine
 */
function nativeFiles(root) {
  return fs
    .readdirSync(path.join(root, 'native'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .filter((file) => !/^native\/(test|wasm)\//.test(file))
    .sort();
}

/**
 * CMake and node-gyp both write build/Makefile.
 * @param {string} root
 */
function makefileIsForeign(root) {
  const file = path.join(buildFolder(root), 'Makefile');
  return fs.existsSync(file) && !fs.readFileSync(file, 'utf8').startsWith('# CMAKE');
}

function nodeAbi() {
  const { napi, modules } = process.versions;
  return `napi ${napi}, modules ${modules}, ${process.platform} ${process.arch}`;
}

/**
 * @param {Libtorch | null | undefined} a
 * @param {Libtorch | null | undefined} b
 */
function sameLibtorch(a, b) {
  return a?.dir === b?.dir && a?.version === b?.version && a?.flavour === b?.flavour;
}

/**
 * @param {string} root
 * @param {Kind} kind
 */
function addonFile(root, kind) {
  return path.join(buildFolder(root), 'Release', ADDONS[kind].file);
}

/**
 * @param {string} root
 * @param {Kind} kind
 */
function stampFile(root, kind) {
  return path.join(buildFolder(root), ADDONS[kind].stamp);
}

/** @param {string} root */
function logFile(root) {
  return path.join(buildFolder(root), 'setup.log');
}

module.exports = {
  addonFile,
  buildFolder,
  readStamp,
  whyStale,
  buildAddon,
  buildWriter,
  buildTests,
  dropLeftovers,
};
