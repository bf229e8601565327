#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * Builds what a release has precompiled, with zig's compiler and its C++ library: writer.node for every system that the
 * package has one for, which needs only the system's C library, and writer.wasm for browsers. Only the packer of a
 * release needs this.
 *
 *   npm run prebuild                             all, into prebuilds/
 *   npm run prebuild -- linux-x64 wasm           these
 *   npm run prebuild -- --out=FOLDER linux-x64   into another folder
 *   npm run prebuild -- --check                  fails unless all are there and newer than their sources; before npm publish
 *
 * zig keeps its objects in its own cache, so a second run compiles only what changed.
 */

const fs = require('node:fs');
const path = require('node:path');
const { buildAddon } = require('./prebuild/addon.js');
const { TARGETS } = require('./prebuild/targets.js');
const { buildWasm } = require('./prebuild/wasm.js');
const { findZig } = require('./prebuild/zig.js');

const root = path.resolve(__dirname, '../..');

/**
 * How to build each, by name; the result is a file.
 * @type {Map<string, (zig: string, out: string) => Promise<string>>}
 */
const BUILDS = new Map([
  ...TARGETS.map(
    (target) =>
      /** @type {const} */ ([
        target.name,
        (/** @type {string} */ zig, /** @type {string} */ out) => buildAddon(zig, target, out),
      ]),
  ),
  /** @type {const} */ (['wasm', buildWasm]),
]);

/** @param {string} out */
function check(out) {
  const sources = fs
    .readdirSync(path.join(root, 'native'), { recursive: true, encoding: 'utf8' })
    .filter((file) => !file.startsWith('test'));
  const newest = Math.max(...sources.map((file) => fs.statSync(path.join(root, 'native', file)).mtimeMs));
  const stale = [...BUILDS.keys()].filter((name) => {
    const file = path.join(out, name, name === 'wasm' ? 'writer.wasm' : 'writer.node');
    return (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < newest;
  });
  if (stale.length > 0) stop(`Missing or older than native/: ${stale.join(', ')}. Run npm run prebuild`);
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
  if (args.includes('--check')) return check(out);
  const names = args.filter((arg) => !arg.startsWith('--out='));
  const unknown = names.find((name) => !BUILDS.has(name));
  if (unknown) stop(`There is no target ${unknown}, only ${[...BUILDS.keys()].join(', ')}`);
  const zig = findZig();
  if (!zig) stop('zig is not installed. Install it: python3 -m pip install ziglang');
  for (const [name, build] of BUILDS) {
    if (names.length > 0 && !names.includes(name)) continue;
    const started = Date.now();
    const { size } = fs.statSync(await build(zig, out));
    const seconds = Math.round((Date.now() - started) / 1000);
    process.stdout.write(`${name}: ${(size / 1e6).toFixed(2)} MB in ${seconds} s\n`);
  }
}

process.on('SIGINT', () => process.exit(130)); // removes temporary folders
main().catch((/** @type {Error} */ { message }) => stop(message));
