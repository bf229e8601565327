// @ts-check
'use strict';

/**
 * The systems that the package has a writer.node for. Folders are named after what runs there: process.platform and
 * process.arch, and -musl if its C library is musl.
 *
 * @typedef {{ name: string, triple: string, format: 'elf' | 'mach-o' | 'pe', vectors: boolean }} Target
 *   triple: for zig, with the oldest version of the system; vectors: it has vector levels besides the baseline
 * @type {Target[]}
 */
const TARGETS = [
  { name: 'linux-x64', triple: 'x86_64-linux-gnu.2.17', format: 'elf', vectors: true },
  { name: 'linux-arm64', triple: 'aarch64-linux-gnu.2.17', format: 'elf', vectors: false },
  { name: 'linux-x64-musl', triple: 'x86_64-linux-musl', format: 'elf', vectors: true },
  { name: 'linux-arm64-musl', triple: 'aarch64-linux-musl', format: 'elf', vectors: false },
  { name: 'darwin-x64', triple: 'x86_64-macos.11.0', format: 'mach-o', vectors: true },
  { name: 'darwin-arm64', triple: 'aarch64-macos.11.0', format: 'mach-o', vectors: false },
  { name: 'win32-x64', triple: 'x86_64-windows-gnu', format: 'pe', vectors: true },
];

module.exports = { TARGETS };
