#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * Compiles every C++ source in native/ for other systems or with other compilers. Does not link or run anything. The
 * exit code is 0 if there were no errors and no warnings.
 *
 *   npm run check:compilers                       for macOS and for Linux on ARM, with zig's compiler
 *   npm run check:compilers -- clang++ g++-14     for this machine, with these compilers
 *
 * Sources and flags come from build/compile_commands.json. libtorch's headers are those of this machine, so code in
 * them for other systems is not checked.
 */

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const ZIG = ['python3', '-m', 'ziglang'];
const TARGETS = ['aarch64-macos', 'x86_64-macos', 'aarch64-linux-gnu'];

/**
 * @typedef {{ name: string, command: string[], target: string }} Compiler target: '' for this machine
 * @typedef {{ file: string, flags: string[], usesLibtorch: boolean }} Unit
 */

/** @returns {Compiler[]} */
function compilers() {
  const named = process.argv.slice(2);
  if (named.length > 0) return named.map((name) => ({ name, command: [name], target: '' }));
  return TARGETS.map((target) => ({ name: target, command: [...ZIG, 'c++', '-target', target], target }));
}

/** @returns {Unit[]} each source once per level of vector instructions */
function readUnits() {
  const file = path.join(root, 'build', 'compile_commands.json');
  if (!fs.existsSync(file)) stop(`There is no ${file}: run npm run setup -- --tests`);
  /** @type {{ file: string, command: string }[]} */
  const entries = JSON.parse(fs.readFileSync(file, 'utf8'));
  return entries
    .filter(({ file }) => file.startsWith(path.join(root, 'native')))
    .filter(({ command }) => !command.includes('-fsanitize='))
    .map(({ file, command }) => ({
      file,
      flags: flagsOf(command),
      usesLibtorch: command.includes('cmake_pch'),
    }));
}

/**
 * The defines, include paths and code flags of a command. Its precompiled header works with one compiler only.
 * @param {string} command
 */
function flagsOf(command) {
  return [...command.replaceAll('\\"', '"').matchAll(/ -(isystem |[DIfmW])\S+/g)]
    .map(([flag]) => flag.trim())
    .filter((flag) => flag !== '-Winvalid-pch')
    .flatMap((flag) => flag.split(' '));
}

/**
 * @param {Unit} unit
 * @param {Compiler} compiler
 */
function compilesFor({ file, flags }, { target }) {
  if (target.endsWith('macos') && path.basename(file) === 'graph.cc') return false; // no CUDA on macOS
  return target === '' || target.startsWith('x86_64') || !flags.some((flag) => flag.startsWith('-mavx'));
}

/**
 * @param {string[]} args
 * @param {Compiler} compiler
 * @returns {Promise<string>} the compiler's messages, '' if there are none
 */
function compile(args, { command: [program = '', ...before], target }) {
  // Without optimization, compilation is faster; with it, GCC warns of more.
  const how = [target ? '-O0' : '-O3', '-Wno-unknown-warning-option']; // the flags may be for another compiler
  return new Promise((resolve) => {
    const child = spawn(program, [...before, '-std=c++20', ...how, ...args], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    child.on('close', (code) => resolve(code === 0 ? said : `${said}${args.at(-1)}: does not compile\n`));
  });
}

/**
 * Compiles only libtorch's headers, which is most of the work.
 * @param {Unit[]} units
 * @param {Compiler} compiler
 * @param {string} folder
 * @returns {Promise<string>} the header to include; the compiler finds the precompiled one next to it
 */
async function precompile(units, compiler, folder) {
  const header = path.join(folder, 'libtorch.h');
  fs.writeFileSync(header, `#include "${path.join(root, 'native', 'libtorch.h')}"\n`);
  const { flags = [] } = units.find(({ file }) => file.endsWith('trainer.cc')) ?? {};
  process.stdout.write(
    await compile([...flags, '-o', `${header}.gch`, '-x', 'c++-header', header], compiler),
  );
  return header;
}

/** @param {string} text */
function stop(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/** @param {string[]} command */
function checkRuns([program = '', ...args]) {
  if (spawnSync(program, args).status === 0) return;
  if (program === ZIG[0]) stop('zig is not installed. Install it: python3 -m pip install ziglang');
  stop(`${program} is not on PATH`);
}

/**
 * @param {Unit[]} units
 * @param {Compiler} compiler
 * @returns {Promise<number>} number of units with errors or warnings
 */
async function compileAll(units, compiler) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tangshi-compilers-'));
  const removeFolder = () => fs.rmSync(folder, { recursive: true, force: true });
  process.on('exit', removeFolder);
  const header = await precompile(units, compiler, folder);
  const left = [...units.entries()];
  let faulty = 0;
  const work = async () => {
    for (let next = left.pop(); next; next = left.pop()) {
      const [i, { file, flags, usesLibtorch }] = next;
      const include = usesLibtorch ? ['-include', header] : [];
      const said = await compile(
        [...flags, ...include, '-o', path.join(folder, `${i}.o`), '-c', file],
        compiler,
      );
      if (said) faulty++;
      process.stdout.write(said);
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, work));
  removeFolder();
  process.off('exit', removeFolder);
  return faulty;
}

process.on('SIGINT', () => process.exit(130)); // removes the folder

async function main() {
  const all = readUnits();
  for (const compiler of compilers()) {
    checkRuns(compiler.target ? [...ZIG, 'version'] : [...compiler.command, '--version']);
    const units = all.filter((unit) => compilesFor(unit, compiler));
    const started = Date.now();
    const faulty = await compileAll(units, compiler);
    const seconds = Math.round((Date.now() - started) / 1000);
    process.stdout.write(
      `${compiler.name}: ${units.length} compiled, ${faulty} with errors or warnings, in ${seconds} s\n`,
    );
    if (faulty > 0) process.exitCode = 1;
  }
}

main();
