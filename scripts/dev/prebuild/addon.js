// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { readUnits } = require('./sources.js');
const { compile, run, withFolder } = require('./zig.js');

/** @typedef {import('./targets.js').Target} Target */

/** What Node looks up; everything else stays inside, so that it cannot be taken for a symbol of Node's own C++. */
const EXPORTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

const HEADERS = ['node-addon-api', 'node-api-headers/include'].flatMap((name) => [
  '-isystem',
  `node_modules/${name}`,
]);

/**
 * Builds writer.node for a system.
 * @param {string} zig
 * @param {Target} target
 * @param {string} out
 * @returns {Promise<string>} the file
 */
function buildAddon(zig, target, out) {
  return withFolder(async (folder) => {
    const flags = ['-target', target.triple];
    const objects = await compile(zig, readUnits(target.vectors), [...flags, '-fPIC', ...HEADERS], folder);
    const linked = path.join(folder, 'writer.node');
    const link = await linkFlags(zig, target, folder);
    await run(zig, ['c++', ...flags, '-O3', '-shared', '-s', ...objects, ...link, '-o', linked]);
    const file = path.join(out, target.name, 'writer.node');
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.rmSync(file, { force: true }); // a process may have loaded it
    fs.copyFileSync(linked, file);
    return file;
  });
}

/**
 * The functions of Node-API are in the process that loads the addon.
 * @param {string} zig
 * @param {Target} target
 * @param {string} folder
 */
async function linkFlags(zig, { format }, folder) {
  const file = (/** @type {string} */ name, /** @type {string} */ text) => {
    fs.writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  if (format === 'elf') {
    const script = file('exports.map', `{ global: ${EXPORTS.join('; ')}; local: *; };\n`);
    return [`-Wl,--version-script=${script}`, '-Wl,--gc-sections'];
  }
  if (format === 'mach-o')
    return ['-Wl,-undefined,dynamic_lookup', '-Wl,-dead_strip', '-Wl,-install_name,writer.node'];
  const names = ['js_native_api', 'node_api'].flatMap((name) =>
    fs
      .readFileSync(require.resolve(`node-api-headers/def/${name}.def`), 'utf8')
      .split(/\r?\n/)
      .filter((line) => /^n\w*api_/.test(line)),
  );
  const definition = file('node.def', ['NAME NODE.EXE', 'EXPORTS', ...names, ''].join('\n'));
  const library = path.join(folder, 'node.lib');
  await run(zig, ['dlltool', '-m', 'i386:x86-64', '-d', definition, '-l', library]);
  return [library];
}

module.exports = { buildAddon };
