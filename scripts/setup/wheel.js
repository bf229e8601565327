// @ts-check
'use strict';

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { run } = require('./run');

/** SHA-256 of known archives. A file with one of these names must have this content. */
const KNOWN = {
  'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl':
    '6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b',
  'libtorch-shared-with-deps-2.13.0+cpu.zip':
    'edbf4cbed78433d803e90a65f1752e57783d164bce66c95c0872b2ab8f5c159e',
};

/** The parts of an archive to keep: libtorch, its licences and its version, without the Python code and the tests. */
const KEPT =
  /^(torch\/(lib|include|share\/cmake)\/|torch\/(version\.py|build-version)$|torch\.libs\/|[^/]+\.dist-info\/)/;
const DROPPED = /\/lib(torch_python|jitbackend_test|torchbind_test|backend_with_compiler|aoti_custom_ops)\b/;

/**
 * Unpacks a wheel of torch, or an official zip of libtorch, into a folder, prunes it and checks every file.
 * @param {string} archive
 * @param {string} into an empty folder; libtorch will be `torch` in it
 * @param {import('./lock').Lock} [lock]
 */
async function unpack(archive, into, lock) {
  checkKnown(archive);
  const { ok, lines } = await run('cmake', ['-E', 'tar', 'xf', archive], { cwd: into, lock });
  if (!ok) throw new Error(`${path.basename(archive)} cannot be unpacked: ${lines.at(-1)}`);
  const zip = path.join(into, 'libtorch');
  if (fs.existsSync(zip)) fs.renameSync(zip, path.join(into, 'torch'));
  prune(into);
  if (archive.endsWith('.whl')) checkRecord(into);
}

/** @param {string} archive */
function checkKnown(archive) {
  const name = path.basename(archive);
  const known = /** @type {Record<string, string>} */ (KNOWN)[name];
  // A wheel contains the hashes of its files, a zip does not.
  if (!known && !name.endsWith('.whl')) throw new Error(`there is no known SHA-256 for ${name}`);
  if (known && hash(archive, 'hex') !== known) throw new Error(`${name} has the wrong SHA-256`);
}

/** @param {string} dir */
function prune(dir) {
  for (const file of filesIn(dir)) {
    if (!KEPT.test(file) || DROPPED.test(file)) fs.rmSync(path.join(dir, file));
  }
  removeEmptyFolders(dir);
}

/** @param {string} dir */
function removeEmptyFolders(dir) {
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(path.join(dir, entry.name));
  }
  if (fs.readdirSync(dir).length === 0) fs.rmdirSync(dir);
}

/**
 * A wheel lists the SHA-256 of all its files in RECORD. Every file that was kept must be in the list with a matching
 * hash, and every listed file to keep must exist.
 * @param {string} dir
 */
function checkRecord(dir) {
  const files = filesIn(dir);
  const record = files.find((file) => /^[^/]+\.dist-info\/RECORD$/.test(file));
  if (!record) throw new Error('the wheel has no RECORD');
  const listed = parseRecord(fs.readFileSync(path.join(dir, record), 'utf8'));
  for (const file of files) {
    if (file === record) continue;
    if (listed.get(file) !== hash(path.join(dir, file), 'base64url')) {
      throw new Error(`${file} is damaged: it does not match the wheel's RECORD`);
    }
    listed.delete(file);
  }
  const lost = [...listed.keys()].find((file) => file !== record && KEPT.test(file) && !DROPPED.test(file));
  if (lost) throw new Error(`${lost} is listed in the wheel's RECORD, but missing from the wheel`);
}

/**
 * @param {string} text lines of `path,sha256=<base64url>,<size>`
 * @returns {Map<string, string>} path -> hash
 */
function parseRecord(text) {
  const rows = text.matchAll(/^(?:"([^"\n]+)"|([^,\n]+)),sha256=([\w-]+)=*,/gm);
  return new Map([...rows].map(([, quoted, plain, sha256]) => [quoted ?? plain ?? '', sha256 ?? '']));
}

/**
 * @param {string} file
 * @param {'hex' | 'base64url'} encoding
 */
function hash(file, encoding) {
  const digest = createHash('sha256');
  const chunk = Buffer.allocUnsafe(1 << 22);
  const input = fs.openSync(file, 'r');
  try {
    for (let got = fs.readSync(input, chunk); got > 0; got = fs.readSync(input, chunk)) {
      digest.update(chunk.subarray(0, got));
    }
  } finally {
    fs.closeSync(input);
  }
  return digest.digest(encoding);
}

/**
 * @param {string} dir
 * @returns {string[]} the files in it at any depth, as relative paths with /
 */
function filesIn(dir) {
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'));
}

module.exports = { KNOWN, unpack, filesIn };
