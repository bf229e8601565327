#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * Builds writer.node for every system that the package has one for, with zig's compiler and its C++ library: the
 * addon needs only the system's C library. Only the packer of a release needs this.
 *
 *   npm run prebuild                             all, into prebuilds/
 *   npm run prebuild -- linux-x64 darwin-arm64   these
 *   npm run prebuild -- --out=FOLDER linux-x64   into another folder
 *
 * zig keeps its objects in its own cache, so a second run compiles only what changed.
 */

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { readUnits } = require('./prebuild/sources.js');
const { TARGETS } = require('./prebuild/targets.js');

/**
 * @typedef {import('./prebuild/targets.js').Target} Target
 * @typedef {import('./prebuild/sources.js').Unit} Unit
 */

const root = path.resolve(__dirname, '../..');
/** What Node looks up; everything else stays inside, so that it cannot be taken for a symbol of Node's own C++. */
const EXPORTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

const FLAGS = [
  ...['-std=c++20', '-DNDEBUG', '-O3', '-g0', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra'],
  `-ffile-prefix-map=${root}=.`,
  '-Inative',
  ...['node-addon-api', 'node-api-headers/include'].flatMap((name) => ['-isystem', `node_modules/${name}`]),
];

/** @returns {string} the compiler, or '' if it is not installed */
function findZig() {
  const where = 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))';
  const { status, stdout } = spawnSync('python3', ['-c', where], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}

/**
 * @param {string} zig
 * @param {string[]} args
 * @returns {Promise<void>}
 */
function run(zig, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(zig, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`failed: zig ${args.join(' ')}`)),
    );
  });
}

/**
 * @param {string} zig
 * @param {Target} target
 * @param {string} out
 */
async function build(zig, target, out) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tangshi-prebuild-'));
  const removeFolder = () => fs.rmSync(folder, { recursive: true, force: true });
  process.on('exit', removeFolder);
  const cxx = ['c++', '-target', target.triple];
  const units = readUnits(target.vectors);
  const objectOf = (/** @type {Unit} */ { object }) => path.join(folder, `${object}.o`);

  const left = [...units];
  const compile = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      await run(zig, [...cxx, ...FLAGS, ...next.flags, '-c', next.file, '-o', objectOf(next)]);
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, compile));

  const linked = path.join(folder, 'writer.node');
  const link = await linkFlags(zig, target, folder);
  await run(zig, [...cxx, '-O3', '-shared', '-s', ...units.map(objectOf), ...link, '-o', linked]);
  const file = path.join(out, target.name, 'writer.node');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.rmSync(file, { force: true }); // a process may have loaded it
  fs.copyFileSync(linked, file);
  removeFolder();
  process.off('exit', removeFolder);
  return file;
}

/**
 * The functions of Node-API are in the process that loads the addon.
 * @param {string} zig
 * @param {Target} target
 * @param {string} folder
 */
async function linkFlags(zig, { format }, folder) {
  const file = (/** @type {string} */ name, /** @type {string} */ text) => {
    fs.writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  if (format === 'elf') {
    const script = file('exports.map', `{ global: ${EXPORTS.join('; ')}; local: *; };\n`);
    return [`-Wl,--version-script=${script}`, '-Wl,--gc-sections'];
  }
  if (format === 'mach-o')
    return ['-Wl,-undefined,dynamic_lookup', '-Wl,-dead_strip', '-Wl,-install_name,writer.node'];
  const names = ['js_native_api', 'node_api'].flatMap((name) =>
    fs
      .readFileSync(require.resolve(`node-api-headers/def/${name}.def`), 'utf8')
      .split(/\r?\n/)
      .filter((line) => /^n\w*api_/.test(line)),
  );
  const definition = file('node.def', ['NAME NODE.EXE', 'EXPORTS', ...names, ''].join('\n'));
  const library = path.join(folder, 'node.lib');
  await run(zig, ['dlltool', '-m', 'i386:x86-64', '-d', definition, '-l', library]);
  return [library];
}

/** @param {string} text */
function stop(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

async function main() {
  const args = process.argv.slice(2);
  const out =
    args.find((arg) => arg.startsWith('--out='))?.slice('--out='.length) ?? path.join(root, 'prebuilds');
  const names = args.filter((arg) => !arg.startsWith('--out='));
  const unknown = names.find((name) => !TARGETS.some((target) => target.name === name));
  if (unknown) stop(`There is no target ${unknown}, only ${TARGETS.map(({ name }) => name).join(', ')}`);
  const zig = findZig();
  if (!zig) stop('zig is not installed. Install it: python3 -m pip install ziglang');
  for (const target of TARGETS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const started = Date.now();
    const file = await build(zig, target, out);
    const [size, seconds] = [fs.statSync(file).size, Math.round((Date.now() - started) / 1000)];
    process.stdout.write(`${target.name}: ${(size / 1e6).toFixed(2)} MB in ${seconds} s\n`);
  }
}

if (require.main === module) {
  process.on('SIGINT', () => process.exit(130)); // removes the folder
  main().catch((/** @type {Error} */ { message }) => stop(message));
}

module.exports = { findZig };
