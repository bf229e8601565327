#!/usr/bin/env node
// @ts-check
'use strict';

/**
 * Bundles the module for browsers: tangshi.mjs starts worker.mjs, which loads writer.wasm; what few pages need is in
 * modules of its own, imported on demand. `npm run dist` runs this.
 *
 *   node scripts/dev/browser.js                into dist/browser
 *   node scripts/dev/browser.js FOLDER WASM    into another folder, with another writer.wasm than that of npm run prebuild
 */

const fs = require('node:fs');
const path = require('node:path');
const esbuild = require('esbuild');

const root = path.resolve(__dirname, '../..');

/** Files of lib/ that need Node, and what browsers have instead. */
const REPLACED = new Map(
  Object.entries({
    'lib/util/sha256.ts': 'lib/browser/sha256.ts',
    'lib/util/opencc.ts': 'lib/browser/opencc.ts',
    'lib/verse/pinyin.ts': 'lib/browser/pinyin.ts',
    'lib/data/theme-table.ts': 'lib/browser/theme-table.ts',
  }).map((pair) => /** @type {[string, string]} */ (pair.map((file) => path.join(root, file)))),
);

/** @param {string} out */
function bundle(out) {
  return esbuild.build({
    entryPoints: { tangshi: 'lib/browser/index.ts', worker: 'lib/browser/worker.ts' },
    absWorkingDir: root,
    outdir: out,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    minify: true,
    metafile: true,
    plugins: [{ name: 'browser', setup: replaceFiles }],
  });
}

/** @param {import('esbuild').PluginBuild} build */
function replaceFiles(build) {
  build.onResolve({ filter: /^\.\.?\// }, ({ path: wanted, resolveDir }) => {
    const replacement = REPLACED.get(`${path.resolve(resolveDir, wanted)}.ts`);
    return replacement === undefined ? undefined : { path: replacement };
  });
}

/**
 * The licences of the packages that are in the bundle.
 * @param {string[]} inputs paths from the root
 */
function licenses(inputs) {
  const names = inputs.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  const texts = [...new Set(names)].sort().map((name) => {
    const folder = path.join(root, 'node_modules', name);
    const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const text = ['.', 'LICENSES']
      .map((part) => path.join(folder, part))
      .filter((part) => fs.existsSync(part))
      .flatMap((part) => fs.readdirSync(part, { withFileTypes: true }))
      .filter((file) => file.isFile() && /licen[cs]e|notice/i.test(file.name))
      .map((file) => fs.readFileSync(path.join(file.parentPath, file.name), 'utf8').trim());
    return [`${name} ${version}: ${license}`, ...text].join('\n\n');
  });
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

async function main() {
  const [out = path.join(root, 'dist/browser'), wasm = path.join(root, 'prebuilds/wasm/writer.wasm')] =
    process.argv.slice(2);
  fs.rmSync(out, { recursive: true, force: true });
  const { metafile } = await bundle(out);
  fs.writeFileSync(path.join(out, 'LICENSES.txt'), licenses(Object.keys(metafile.inputs)));
  fs.writeFileSync(path.join(out, 'tangshi.d.mts'), "export * from '../lib/browser/index.js';\n");
  if (fs.existsSync(wasm)) fs.copyFileSync(wasm, path.join(out, 'writer.wasm')); // compiled for a release
}

main().catch((/** @type {Error} */ { message }) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
});
