// @ts-check
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** @typedef {import('./sources.js').Unit} Unit */

const root = path.resolve(__dirname, '../../..');

const FLAGS = [
  ...['-std=c++20', '-DNDEBUG', '-O3', '-g0', '-fvisibility=hidden', '-Wall', '-Wextra'],
  `-ffile-prefix-map=${root}=.`,
  '-Inative',
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
 * Compiles all units, several at a time.
 * @param {string} zig
 * @param {Unit[]} units
 * @param {string[]} flags of the target
 * @param {string} folder for the objects
 * @returns {Promise<string[]>} the objects
 */
async function compile(zig, units, flags, folder) {
  const objectOf = (/** @type {Unit} */ { object }) => path.join(folder, `${object}.o`);
  const left = [...units];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift())
      await run(zig, ['c++', ...flags, ...FLAGS, ...next.flags, '-c', next.file, '-o', objectOf(next)]);
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, work));
  return units.map(objectOf);
}

/**
 * Calls a function with a temporary folder, which is then removed; also if the process is interrupted.
 * @template T
 * @param {(folder: string) => Promise<T>} use
 */
async function withFolder(use) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tangshi-prebuild-'));
  const remove = () => fs.rmSync(folder, { recursive: true, force: true });
  process.on('exit', remove);
  try {
    return await use(folder);
  } finally {
    remove();
    process.off('exit', remove);
  }
}

module.exports = { findZig, run, compile, withFolder };
