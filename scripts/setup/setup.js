#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * Prepares a clone for use: node modules, libtorch, the addon. Does nothing if all are up to date. Needs only Node,
 * since it runs before anything is installed.
 *
 *   node scripts/setup/setup.js               before the scripts of package.json that train
 *   node scripts/setup/setup.js --writer      before those that generate: builds only the addon for that
 *   node scripts/setup/setup.js --tests       also builds the C++ unit tests, and fetches the corpora
 *   node scripts/setup/setup.js --corpora     only fetches the source of the built-in corpora
 *   node scripts/setup/setup.js --cuda        with a CUDA libtorch, which all clones of this user then share
 *   node scripts/setup/setup.js --installing  from npm install: builds the addon that generates poems, unless the package
 *   has it for this system; never fails
 *   node scripts/setup/setup.js --modules     only node modules, from npm pack; npm's prepare script then compiles
 *   dist/
 *   node scripts/setup/setup.js --remove      removes what it installed for this user, and the addon that depends on it
 *   node scripts/setup/setup.js --where       prints the path of libtorch, downloading it if necessary; for
 *   CMakeLists.txt
 */

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const {
  addonFile,
  buildFolder,
  readStamp,
  whyStale,
  buildAddon,
  buildTests,
  buildWriter,
  dropLeftovers,
} = require('./addon');
const { findQuickly } = require('./libtorch');
const { modulesStale, recordModules } = require('./modules');
const { Stop, say, tilde } = require('./say');

const root = path.resolve(__dirname, '../..');

const OPTIONS = /** @type {const} */ ({
  help: { type: 'boolean', short: 'h' },
  tests: { type: 'boolean' },
  writer: { type: 'boolean' },
  cuda: { type: 'boolean' },
  corpora: { type: 'boolean' },
  installing: { type: 'boolean' },
  modules: { type: 'boolean' },
  remove: { type: 'boolean' },
  where: { type: 'boolean' },
  lang: { type: 'string' }, // accepted by every command; this one speaks English
  quiet: { type: 'boolean' },
});
const HELP = `Builds what is missing: node modules, libtorch and the addons.

  --writer  only what generates poems: needs no libtorch
  --cuda    use a libtorch with CUDA support
  --corpora only the source of the built-in corpora
  --tests   also build the C++ unit tests
  --remove  remove libtorch, corpora and builds in this user's cache
`;

/** @param {string[]} args */
async function main(args) {
  checkNode();
  const { help, tests, corpora, cuda, installing, modules, remove, where, writer } = optionsOf(args);
  if (help) return void process.stdout.write(HELP);
  if (remove) return removeCache();
  if (cuda) await fetchForCuda();
  if (where) return void process.stdout.write(`${(await findOrFetch()).dir}\n`);
  if (process.env.TANGSHI_SETUP === root) return; // called by a build that this setup started
  if (installing) return install();
  if (modules) return prepareModules();
  if (corpora) return require('./corpora').fetchCorpora();
  if (writer) return modulesStale(root) || writerStale() ? setUpWriter() : undefined;
  if (tests) await require('./corpora').fetchCorpora();
  if (!tests && !modulesStale(root) && !trainingStale(findLibtorch())) return;
  await setUp(tests === true);
}

/** For npm install, which must not fail where there is no compiler: loading the addon says what to do. */
async function install() {
  recordModules(root);
  if (process.env._PACOTE_NO_PREPARE_) return; // npm is packing a package from git: it is built where it is installed
  if (!writerStale()) return;
  try {
    await setUpWriter();
    if (isDependency()) dropLeftovers(root);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say(error.message);
    say('Poems cannot be generated before this is fixed. Then run: npx tangshi setup --writer');
  }
}

/** @returns {string | null} why the writer must be built; null if the package has it for this system */
function writerStale() {
  const stale = whyStale(root, 'writer', null);
  return stale !== null && require('./prebuilt').loads(root) ? null : stale;
}

async function setUpWriter() {
  const lock = await takeLock();
  try {
    if (isDependency() === false && modulesStale(root)) await require('./modules').installModules(root, lock);
    const stale = writerStale();
    if (!stale) return;
    require('./tools').checkTools();
    await buildWriter(root, stale, lock);
  } finally {
    lock.release();
  }
}

/** @param {string[]} args */
function optionsOf(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    throw new Stop(/** @type {string} */ (message.split('. ')[0]), 'Run it with --help to see the options.');
  }
}

/** @param {boolean} tests */
async function setUp(tests) {
  const lock = await takeLock();
  try {
    let libtorch = findLibtorch();
    const stale = trainingStale(libtorch) !== null;
    if (stale) {
      require('./tools').checkTools();
      libtorch ??= require('./libtorch').findInPython();
      if (!libtorch) require('./ways').waysTo('cpu'); // fails early on systems without a download of libtorch
    }
    if (!isDependency() && modulesStale(root)) await require('./modules').installModules(root, lock);
    if (stale) {
      libtorch ??= await require('./fetch').fetchLibtorch('cpu');
      await buildAddon(root, libtorch, trainingStale(libtorch) ?? '', lock);
      if (isDependency()) dropLeftovers(root);
      pruneCache();
    }
    if (tests) await buildTests(root, lock);
  } finally {
    lock.release();
  }
}

/** Removes what earlier versions put into the cache and nobody uses any more. */
function pruneCache() {
  const { cacheFolder } = require('./libtorch');
  const { corporaFolder } = require('./corpora');
  require('./cache').prune([cacheFolder('cpu'), cacheFolder('cuda'), corporaFolder(), buildFolder(root)]);
}

/** Removes libtorch, corpora and builds in the user's cache; and in the package the addon that needs libtorch. */
function removeCache() {
  const cache = require('./cache').cacheRoot();
  fs.rmSync(addonFile(root, 'training'), { force: true });
  const there = fs.existsSync(cache);
  fs.rmSync(cache, { recursive: true, force: true });
  say(there ? `removed ${tilde(cache)}` : `there is no ${tilde(cache)}`);
}

async function prepareModules() {
  if (!modulesStale(root)) return;
  const lock = await takeLock();
  try {
    if (modulesStale(root)) await require('./modules').installModules(root, lock);
  } finally {
    lock.release();
  }
}

/** Only one setup at a time may work in a clone. */
function takeLock() {
  const folder = buildFolder(root);
  fs.mkdirSync(folder, { recursive: true });
  return require('./lock').acquire(path.join(folder, 'setup.lock'), 'setting up this clone');
}

/** Installed as a dependency, not a development clone. */
function isDependency() {
  return root.split(path.sep).includes('node_modules');
}

/** @param {import('./libtorch').Libtorch | null} libtorch */
function trainingStale(libtorch) {
  return whyStale(root, 'training', libtorch) ?? whyStale(root, 'writer', null);
}

function findLibtorch() {
  return findQuickly(readStamp(root)?.libtorch ?? undefined);
}

async function findOrFetch() {
  const found = findLibtorch() ?? require('./libtorch').findInPython();
  return found ?? (await require('./fetch').fetchLibtorch('cpu'));
}

/** Puts a CUDA libtorch into the cache, where it is found from now on: a link to that of python3, or a download. */
async function fetchForCuda() {
  const found = findLibtorch();
  if (found && found.flavour !== 'cpu') return;
  if (found?.source === 'LIBTORCH') {
    throw new Stop(
      `LIBTORCH is set to ${found.dir}, which is a CPU build.`,
      'Unset it, or set it to a CUDA build.',
    );
  }
  const own = require('./libtorch').findInPython();
  if (own && own.flavour !== 'cpu') require('./libtorch').remember(own);
  else await require('./fetch').fetchLibtorch('cuda');
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 20)) {
    throw new Stop(`Node ${process.versions.node} is too old: 20.20 or newer is required.`);
  }
}

/** @param {unknown} error */
function fail(error) {
  const { code, path: file } = /** @type {NodeJS.ErrnoException} */ (error);
  if (error instanceof Stop) say(error.message);
  else if (code !== undefined && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(code))
    say(`cannot write ${file} (${code}).\n${remedyFor(file)}`);
  else console.error(error);
  process.exit(2);
}

/** @param {string | undefined} file */
function remedyFor(file) {
  const isCache = file?.startsWith(require('./cache').cacheRoot());
  return isCache
    ? 'Set XDG_CACHE_HOME to a folder that can be written to.'
    : 'Run this as the user who installed it.';
}

// On a signal, leave by process.exit: its listeners end commands, remove incomplete folders and release locks.
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])) {
  process.on(signal, () => process.exit(code));
}

main(process.argv.slice(2)).catch(fail);
