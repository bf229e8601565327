#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * All checks that need a GPU: build, tests and benchmark, each step as it would be run by hand. Needs Node, a CUDA
 * libtorch (python3's will do), CMake, a C++ compiler and this clone with its node_modules; with these, it needs no
 * network. The exit code is 0 if all steps passed.
 *
 *  npm run check:gpu
 */

const { spawnSync } = require('node:child_process');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const addon = path.join(root, 'build', 'Release', 'tangshi.node');
const bin = path.join(root, 'node_modules', '.bin');

const FIND_GPU = `require(${JSON.stringify(addon)}).findCuda().then(({ devices, problem }) => {
  console.log(problem ?? devices.map(({ name }) => name).join(', '));
  process.exitCode = problem ? 1 : 0;
})`;

/**
 * @type {[what: string, command: string, args: string[]][]} in order: without the first two, the others are pointless
 */
const STEPS = [
  ['setup', process.execPath, ['scripts/setup/setup.js', '--cuda', '--tests']],
  ['find a GPU', process.execPath, ['-e', FIND_GPU]],
  ['doctor', process.execPath, ['scripts/cli/doctor.js']],
  ['C++ tests', 'ctest', ['--test-dir', 'build', '--output-on-failure']],
  ['addon tests', path.join(bin, 'jest'), ['test/native']],
  ['GPU tests', path.join(bin, 'jest'), ['test/gpu']],
  [
    'benchmark',
    process.execPath,
    ['-r', 'ts-node/register', 'scripts/dev/bench.ts', '--device', 'cuda', ...process.argv.slice(2)],
  ],
];

const outcomes = [];
let passed = true;
for (const [what, command, args] of STEPS) {
  process.stdout.write(`\n== ${what}\n`);
  const started = Date.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  const seconds = Math.round((Date.now() - started) / 1000);
  outcomes.push(`${what.padEnd(20)} ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  if (error) process.stdout.write(`${error.message}\n`);
  if (status === 0) continue;
  passed = false;
  if (what === 'setup' || what === 'find a GPU') break;
}
process.stdout.write(`\n${outcomes.join('\n')}\n`);
process.exitCode = passed ? 0 : 1;
