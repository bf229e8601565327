// @ts-check
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Stop } = require('./say');

const CMAKE = { major: 3, minor: 20 };

/** A piece of C++20 that a compiler without it refuses. */
const CXX20 = '#include <concepts>\n#include <span>\nstatic_assert(__cplusplus >= 202002L);\n';

/** Checks that the addon can be built here, before anything large is fetched for it. */
function checkTools() {
  const missing = [cmake(), compiler(), buildTool()].filter((problem) => problem !== null);
  if (missing.length > 0)
    throw new Stop('the addon cannot be built here:', ...missing.map((line) => `- ${line}`), ...remedy());
}

/** @returns {string | null} what is wrong */
function cmake() {
  const { status, stdout } = spawnSync('cmake', ['--version'], { encoding: 'utf8' });
  const [, major, minor] = (status === 0 && stdout.match(/version (\d+)\.(\d+)/)) || [];
  if (!major) return 'there is no cmake on PATH';
  const recent =
    Number(major) > CMAKE.major || (Number(major) === CMAKE.major && Number(minor) >= CMAKE.minor);
  return recent ? null : `cmake is ${major}.${minor}, and ${CMAKE.major}.${CMAKE.minor} or newer is needed`;
}

/** @returns {string | null} */
function compiler() {
  const named = process.env.CXX?.trim();
  const command = named || ['c++', 'g++', 'clang++'].find(find);
  if (!command) return 'there is no C++ compiler on PATH';
  const [program = '', ...flags] = command.split(/\s+/);
  const args = [...flags, '-std=c++20', '-fsyntax-only', '-x', 'c++', '-'];
  const { status, error } = spawnSync(program, args, { input: CXX20, encoding: 'utf8' });
  if (error) return `the C++ compiler that CXX names, ${command}, cannot be run`;
  return status === 0
    ? null
    : `the C++ compiler, ${command}, does not know C++20 (set CXX if another one does)`;
}

/** @returns {string | null} */
function buildTool() {
  if (find('ninja') || find('make')) return null;
  return 'there is neither make nor ninja on PATH';
}

/**
 * @param {string} program
 * @returns {string | undefined} its path
 */
function find(program) {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((dir) => path.join(dir, program))
    .find((file) => {
      try {
        fs.accessSync(file, fs.constants.X_OK);
        return fs.statSync(file).isFile();
      } catch {
        return false;
      }
    });
}

function remedy() {
  if (process.platform === 'darwin') return ['Install them: xcode-select --install; brew install cmake'];
  return [
    'Install them, on Debian or Ubuntu: sudo apt install g++ cmake make',
    'on Fedora: sudo dnf install gcc-c++ cmake make',
  ];
}

module.exports = { checkTools, find };
