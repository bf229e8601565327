// @ts-check
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Stop } = require('./say');

const CMAKE = { major: 3, minor: 20 };

/** C++20 code that older compilers reject. */
const CXX20 = '#include <concepts>\n#include <span>\nstatic_assert(__cplusplus >= 202002L);\n';

/** Checks that the addon can be built here, before any large download. */
function checkTools() {
  const missing = [cmake(), compiler(), buildTool()].filter((problem) => problem !== null);
  if (missing.length > 0)
    throw new Stop('the addon cannot be built here:', ...missing.map((line) => `- ${line}`), ...remedy());
}

/** @returns {string | null} what is wrong */
function cmake() {
  const { status, stdout } = spawnSync('cmake', ['--version'], { encoding: 'utf8' });
  const [, major, minor] = (status === 0 && stdout.match(/version (\d+)\.(\d+)/)) || [];
  if (!major) return 'cmake is not on PATH';
  const recent =
    Number(major) > CMAKE.major || (Number(major) === CMAKE.major && Number(minor) >= CMAKE.minor);
  return recent
    ? null
    : `cmake ${major}.${minor} is too old: ${CMAKE.major}.${CMAKE.minor} or newer is required`;
}

/** @returns {string | null} */
function compiler() {
  const named = process.env.CXX?.trim();
  const command = named || ['c++', 'g++', 'clang++'].find(find);
  if (!command) return 'no C++ compiler is on PATH';
  const [program = '', ...flags] = command.split(/\s+/);
  const args = [...flags, '-std=c++20', '-fsyntax-only', '-x', 'c++', '-'];
  const { status, error } = spawnSync(program, args, { input: CXX20, encoding: 'utf8' });
  if (error) return `the C++ compiler set in CXX, ${command}, cannot be run`;
  return status === 0
    ? null
    : `the C++ compiler, ${command}, does not support C++20 (set CXX to one that does)`;
}

/** @returns {string | null} */
function buildTool() {
  if (find('ninja') || find('make')) return null;
  return 'neither make nor ninja is on PATH';
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
