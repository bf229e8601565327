#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * Prepares a clone for use: node modules, libtorch, the addon. Does nothing if all are up to date. Needs only Node,
 * since it runs before anything is installed.
 *
 *   node scripts/setup/setup.js               before each script of package.json
 *   node scripts/setup/setup.js --tests       also builds the C++ unit tests
 *   node scripts/setup/setup.js --cuda        with a CUDA libtorch, which all clones of this user then share
 *   node scripts/setup/setup.js --installing  from npm install, which has already installed the node modules
 *   node scripts/setup/setup.js --modules     only node modules, from npm pack; npm's prepare script then compiles
 *   dist/
 *   node scripts/setup/setup.js --where       prints the path of libtorch, downloading it if necessary; for
 *   CMakeLists.txt
 */

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { readStamp, whyStale, buildAddon, buildTests, dropLeftovers } = require('./addon');
const { findQuickly } = require('./libtorch');
const { modulesStale, recordModules } = require('./modules');
const { Stop, say } = require('./say');

const root = path.resolve(__dirname, '../..');

const OPTIONS = /** @type {const} */ ({
  help: { type: 'boolean', short: 'h' },
  tests: { type: 'boolean' },
  cuda: { type: 'boolean' },
  installing: { type: 'boolean' },
  modules: { type: 'boolean' },
  where: { type: 'boolean' },
  lang: { type: 'string' }, // accepted by every command; this one speaks English
  quiet: { type: 'boolean' },
});
const HELP = `Builds what is missing: node modules, libtorch and the addon.

  --cuda   use a libtorch with CUDA support
  --tests  also build the C++ unit tests
`;

/** @param {string[]} args */
async function main(args) {
  checkNode();
  const { help, tests, cuda, installing, modules, where } = optionsOf(args);
  if (help) return void process.stdout.write(HELP);
  if (cuda) await fetchForCuda();
  if (where) return void process.stdout.write(`${(await findOrFetch()).dir}\n`);
  if (process.env.TANGSHI_SETUP === root) return; // called by a build that this setup started
  if (installing) {
    recordModules(root);
    if (process.env._PACOTE_NO_PREPARE_) return; // npm is packing a package from git: it is built where it is installed
  }
  if (modules) return prepareModules();
  if (!tests && !modulesStale(root) && !addonStale(findQuickly(readStamp(root)?.libtorch))) return;
  await setUp(installing === true, tests === true);
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

/**
 * @param {boolean} installing
 * @param {boolean} tests
 */
async function setUp(installing, tests) {
  const lock = await takeLock();
  try {
    let libtorch = findQuickly(readStamp(root)?.libtorch);
    const stale = addonStale(libtorch) !== null;
    if (stale) {
      require('./tools').checkTools();
      libtorch ??= require('./libtorch').findInPython();
      if (!libtorch) require('./ways').waysTo('cpu'); // fails early on systems without a download of libtorch
    }
    if (!installing && modulesStale(root)) await require('./modules').installModules(root, lock);
    if (stale) {
      libtorch ??= await require('./fetch').fetchLibtorch('cpu');
      await buildAddon(root, libtorch, addonStale(libtorch) ?? '', lock);
      if (isDependency()) dropLeftovers(root);
    }
    if (tests) await buildTests(root, lock);
  } finally {
    lock.release();
  }
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
  fs.mkdirSync(path.join(root, 'build'), { recursive: true });
  return require('./lock').acquire(path.join(root, 'build', 'setup.lock'), 'setting up this clone');
}

/** Installed as a dependency, not a development clone. */
function isDependency() {
  return path.basename(path.dirname(root)) === 'node_modules';
}

/** @param {import('./libtorch').Libtorch | null} libtorch */
function addonStale(libtorch) {
  return whyStale(root, readStamp(root), libtorch);
}

async function findOrFetch() {
  const found = findQuickly(readStamp(root)?.libtorch) ?? require('./libtorch').findInPython();
  return found ?? (await require('./fetch').fetchLibtorch('cpu'));
}

/** Puts a CUDA libtorch into the cache, where it is found from now on: a link to that of python3, or a download. */
async function fetchForCuda() {
  const found = findQuickly(readStamp(root)?.libtorch);
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
  else if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    say(`cannot write ${file} (${code}).\nRun this as the user who installed it.`);
  else console.error(error);
  process.exit(2);
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
