// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '../../..');

/** @typedef {{ file: string, object: string, flags: string[] }} Unit object: a name without folder or suffix */

/**
 * What writer.node is made of, once per level of vector instructions for the kernels. Sources and flags come from
 * CMakeLists.txt, the only place that lists them.
 * @param {boolean} vectors with the levels besides the baseline
 * @returns {Unit[]}
 */
function readUnits(vectors) {
  const text = fs.readFileSync(path.join(root, 'CMakeLists.txt'), 'utf8');
  const defines = words(text, /target_compile_definitions\(\$\{target\} PRIVATE ([^)]*)\)/).map(
    (name) => `-D${name}`,
  );
  const kernelFlags = words(
    text,
    /target_compile_options\(\$\{library\}-\$\{level\} PRIVATE ([^$]*)\$\{ARGN\}/,
  );
  const levels = [...text.matchAll(/add_kernels\(\$\{name\} (\w+)([^)]*)\)/g)]
    .map(([, level = '', flags = '']) => [`-DLEVEL=${level}`, ...flags.split(/\s+/).filter(Boolean)])
    .filter(({ length }) => vectors || length === 1);
  if (levels.length === 0) throw new Error('CMakeLists.txt: no add_kernels');

  return [
    ...sources(text, 'set(INFERENCE').map((file) => unit(file, [])),
    ...sources(text, 'add_library(addon-inference OBJECT').map((file) => unit(file, defines)),
    ...sources(text, 'add_library(writer MODULE').map((file) => unit(file, defines)),
    ...levels.flatMap((level) =>
      sources(text, `add_library(\${library}-\${level} OBJECT`).map((file) =>
        unit(file, [...kernelFlags, ...level]),
      ),
    ),
  ];
}

/** Of the sources for generating, those that need threads: WebAssembly has one. */
const THREADED = ['native/addon/executor.cc', 'native/parallel/thread_pool.cc'];

/**
 * What writer.wasm is made of.
 * @returns {Unit[]}
 */
function readWasmUnits() {
  const text = fs.readFileSync(path.join(root, 'CMakeLists.txt'), 'utf8');
  const inference = sources(text, 'set(INFERENCE').filter((file) => !THREADED.includes(file));
  const own = fs.readdirSync(path.join(root, 'native/wasm')).filter((name) => name.endsWith('.cc'));
  return [
    ...[...inference, ...own.map((name) => `native/wasm/${name}`)].map((file) => unit(file, [])),
    ...readUnits(false).filter(({ flags }) => flags.includes('-DLEVEL=baseline')),
  ];
}

/**
 * @param {string} file
 * @param {string[]} flags
 */
function unit(file, flags) {
  const level = flags.find((flag) => flag.startsWith('-DLEVEL='))?.replace('-DLEVEL=', '-');
  return { file, flags, object: file.replace(/\.cc$/, '').replaceAll('/', '-') + (level ?? '') };
}

/**
 * @param {string} text
 * @param {string} command its beginning
 */
function sources(text, command) {
  const start = text.indexOf(command);
  const found = start < 0 ? null : text.slice(start, text.indexOf(')', start)).match(/native\/\S+\.cc/g);
  if (!found) throw new Error(`CMakeLists.txt: no ${command} …)`);
  return found;
}

/**
 * @param {string} text
 * @param {RegExp} pattern
 */
function words(text, pattern) {
  const [, found] = pattern.exec(text) ?? [];
  if (!found) throw new Error(`CMakeLists.txt: nothing matches ${pattern}`);
  return found.trim().split(/\s+/);
}

module.exports = { readUnits, readWasmUnits };
