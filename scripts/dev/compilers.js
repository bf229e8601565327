#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * Compiles every C++ source of native/ for systems and with compilers that are not those of this machine. Nothing is
 * linked and nothing is run. The exit code is 0 if there was no error and no warning.
 *
 *   npm run check:compilers                       for macOS and for Linux on ARM, by the compiler of zig
 *   npm run check:compilers -- clang++ g++-14     for this machine, by these compilers
 *
 * The sources and their flags are those of build/compile_commands.json. libtorch's headers are those of this machine: of
 * what they hold for another system alone, nothing is seen.
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

/** @returns {Unit[]} each source once for each level of vector instructions */
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
 * What a command defines, includes and asks of the code. Its precompiled header is for one compiler alone.
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
  if (target.endsWith('macos') && path.basename(file) === 'graph.cc') return false; // there is no CUDA
  return target === '' || target.startsWith('x86_64') || !flags.some((flag) => flag.startsWith('-mavx'));
}

/**
 * @param {string[]} args
 * @param {Compiler} compiler
 * @returns {Promise<string>} what the compiler says, '' if it is content
 */
function compile(args, { command: [program = '', ...before], target }) {
  // Without optimizing it takes less time; GCC warns of more when it optimizes.
  const how = [target ? '-O0' : '-O3', '-Wno-unknown-warning-option']; // the flags may be those of another compiler
  return new Promise((resolve) => {
    const child = spawn(program, [...before, '-std=c++20', ...how, ...args], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    child.on('close', (code) => resolve(code === 0 ? said : `${said}${args.at(-1)}: it does not compile\n`));
  });
}

/**
 * Compiles libtorch's headers alone, which is most of the work.
 * @param {Unit[]} units
 * @param {Compiler} compiler
 * @param {string} folder
 * @returns {Promise<string>} the header to include, which the compiler then finds compiled beside it
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
  if (program === ZIG[0]) stop('There is no zig: python3 -m pip install ziglang');
  stop(`There is no ${program} on PATH`);
}

/**
 * @param {Unit[]} units
 * @param {Compiler} compiler
 * @returns {Promise<number>} of how many it complains
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
