// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { readWasmUnits } = require('./sources.js');
const { compile, run, withFolder } = require('./zig.js');

const FLAGS = ['-target', 'wasm32-wasi', '-msimd128'];

/** @param {import('./sources.js').Unit} unit */
function isKernel({ flags }) {
  return flags.some((flag) => flag.startsWith('-DLEVEL='));
}

/**
 * Compiled for size: a page downloads it, and nearly all time is spent in the kernels.
 * @param {import('./sources.js').Unit} unit
 */
function small(unit) {
  return { ...unit, flags: [...unit.flags, '-Os'] };
}

/**
 * Builds writer.wasm.
 * @param {string} zig
 * @param {string} out
 * @returns {Promise<string>} the file
 */
function buildWasm(zig, out) {
  return withFolder(async (folder) => {
    const units = readWasmUnits().map((unit) => (isKernel(unit) ? unit : small(unit)));
    const objects = await compile(zig, units, FLAGS, folder);
    const file = path.join(out, 'wasm', 'writer.wasm');
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const link = ['-mexec-model=reactor', '-s', '-Wl,--gc-sections'];
    await run(zig, ['c++', ...FLAGS, '-O3', ...link, ...objects, '-o', file]);
    return file;
  });
}

module.exports = { buildWasm };
