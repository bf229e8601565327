// @ts-check
'use strict';

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { Stop, say } = require('./say');

/**
 * Node modules are stale if they were not installed from this package-lock.json on this kind of machine. A package
 * without a lock file is a dependency of another project, which is responsible for its modules.
 */

/** @param {string} root */
function modulesStale(root) {
  const wanted = stampFor(root);
  return wanted !== null && (wanted !== readIf(stampFile(root)) || !allPresent(root));
}

/**
 * Installs the packages in package-lock.json without changing that file. Does not use `npm ci`, which rejects a lock
 * file without the optional packages of other platforms. npm writes such a file if the registry does not offer them.
 * @param {string} root
 * @param {import('./lock').Lock} lock
 */
async function installModules(root, lock) {
  const { run } = require('./run');
  say('installing node modules');
  const args = ['install', '--no-save', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
  args.push('--no-dry-run'); // npm passes on its own options, such as those of npm pack --dry-run
  const env = { ...process.env, TANGSHI_SETUP: root };
  const { ok, lines } = await run('npm', [...args, '--no-update-notifier'], { cwd: root, lock, env });
  if (!ok || !allPresent(root)) {
    throw new Stop(`npm install failed in ${root}:`, ...lines.filter((line) => line.trim()).slice(0, 15));
  }
  recordModules(root);
}

/**
 * Records that node modules match the lock file, if they do: npm may have left out some.
 * @param {string} root
 */
function recordModules(root) {
  const stamp = stampFor(root);
  if (stamp && allPresent(root)) fs.writeFileSync(stampFile(root), stamp);
}

/**
 * @param {string} root
 * @returns {string | null}
 */
function stampFor(root) {
  const lockFile = readIf(path.join(root, 'package-lock.json'));
  if (lockFile === null) return null;
  return `${createHash('sha256').update(lockFile).digest('hex')} ${process.platform} ${process.arch}\n`;
}

/** @param {string} root */
function allPresent(root) {
  const { dependencies, devDependencies } = require(path.join(root, 'package.json'));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  return names.every((name) => fs.existsSync(path.join(root, 'node_modules', name, 'package.json')));
}

/** @param {string} root */
function stampFile(root) {
  return path.join(root, 'node_modules', '.tangshi-setup');
}

/** @param {string} file */
function readIf(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

module.exports = { modulesStale, installModules, recordModules };
