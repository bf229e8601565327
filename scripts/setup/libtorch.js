// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { cacheRoot, touch } = require('./cache');
const { Stop, say, tilde } = require('./say');

/** The versions that are downloaded. An existing libtorch may be any 2.x from OLDEST on. */
const PINNED = { cpu: '2.13.0', cuda: '2.14.1' };
const OLDEST = { major: 2, minor: 11 };

/**
 * @typedef {'LIBTORCH' | 'cache' | 'python' | 'fetched'} Source
 * @typedef {{ dir: string, version: string, flavour: string, source: Source }} Libtorch
 *   dir: the folder that has lib/, include/ and share/; flavour: cpu, cu130, …
 * @typedef {keyof typeof PINNED} Flavour
 */

/**
 * Downloads keep the layout of their archive: libtorch itself is the folder `torch` in this one.
 * @param {Flavour} flavour
 */
function cacheFolder(flavour) {
  return path.join(cacheRoot(), `libtorch-${PINNED[flavour]}-${flavour}-${process.platform}-${process.arch}`);
}

/**
 * The first libtorch found in: LIBTORCH, the cache (CUDA first, since the user asked for it), the Python that was used
 * last time. Starts no process, because it runs before every command.
 * @param {Libtorch | undefined} last the libtorch that the addon was built with
 * @returns {Libtorch | null}
 */
function findQuickly(last) {
  const { LIBTORCH } = process.env;
  if (LIBTORCH) return mustBe(path.resolve(LIBTORCH));
  for (const flavour of /** @type {const} */ (['cuda', 'cpu'])) {
    const cached = inspect(path.join(cacheFolder(flavour), 'torch'), 'cache');
    if (!cached.found) continue;
    touch(cacheFolder(flavour));
    return cached.found;
  }
  return last?.source === 'python' ? inspect(last.dir, 'python').found : null;
}

/**
 * @param {string} dir
 * @returns {Libtorch}
 */
function mustBe(dir) {
  const { found, problem } = inspect(dir, 'LIBTORCH');
  if (found) return found;
  throw new Stop(
    `LIBTORCH is set to ${dir}, but ${problem}.`,
    `Set LIBTORCH to a folder with lib, include and share of libtorch 2.${OLDEST.minor} or a newer 2.x,`,
    `or unset it to use or download libtorch ${PINNED.cpu}.`,
  );
}

/**
 * The torch of the python3 on PATH. Does not import torch, which would take seconds.
 * @returns {Libtorch | null}
 */
function findInPython() {
  const { spawnSync } = require('node:child_process');
  const program =
    'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0])';
  const python = spawnSync('python3', ['-c', program], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const dir = python.status === 0 ? python.stdout.trim() : '';
  if (!dir) return null;
  const { found, problem } = inspect(dir, 'python');
  if (!found) say(`ignoring the torch of python3: ${problem}`);
  return found;
}

/**
 * Links to an existing libtorch as the cache's libtorch for CUDA. If that is removed, the cache has none again.
 * @param {Libtorch} libtorch
 */
function remember({ dir }) {
  const folder = cacheFolder('cuda');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.symlinkSync(dir, path.join(folder, 'torch'));
}

/**
 * @param {string} dir
 * @param {Source} source
 * @returns {{ found: Libtorch, problem?: undefined } | { found: null, problem: string }}
 */
function inspect(dir, source) {
  const full = readVersion(dir);
  if (!full) return { found: null, problem: `there is no libtorch in ${dir}` };
  const [version = '', build] = full.split('+');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major !== OLDEST.major || minor < OLDEST.minor) {
    return {
      found: null,
      problem: `${dir} has libtorch ${version}, but 2.${OLDEST.minor} or a newer 2.x is required`,
    };
  }
  const missing = essentials().find((file) => !fs.existsSync(path.join(dir, file)));
  if (missing)
    return { found: null, problem: `the libtorch ${version} in ${dir} is incomplete: ${missing} is missing` };
  return { found: { dir: fs.realpathSync(dir), version, flavour: build ?? guessFlavour(dir), source } };
}

/**
 * @param {string} dir
 * @returns {string | undefined} such as 2.13.0+cpu
 */
function readVersion(dir) {
  return (
    read(dir, 'build-version')?.trim() ||
    read(dir, 'version.py')?.match(/^__version__\s*=\s*['"]([^'"]+)/m)?.[1] ||
    versionIn(read(dir, 'include/torch/headeronly/version.h')) ||
    versionIn(read(dir, 'include/torch/csrc/api/include/torch/version.h'))
  );
}

/** @param {string | undefined} header */
function versionIn(header) {
  const numbers = header?.matchAll(/define\s+TORCH_VERSION_(?:MAJOR|MINOR|PATCH)\s+(\d+)/g) ?? [];
  return [...numbers].map(([, number]) => number).join('.');
}

/** @param {string[]} parts */
function read(...parts) {
  try {
    return fs.readFileSync(path.join(...parts), 'utf8');
  } catch {
    return undefined;
  }
}

function essentials() {
  return [
    'include/torch/csrc/api/include/torch/torch.h',
    library('torch'),
    library('torch_cpu'),
    library('c10'),
  ];
}

/** @param {string} name */
function library(name) {
  return `lib/lib${name}.${process.platform === 'darwin' ? 'dylib' : 'so'}`;
}

/** @param {string} dir */
function guessFlavour(dir) {
  return fs.existsSync(path.join(dir, library('torch_cuda'))) ? 'cuda' : 'cpu';
}

/** @param {Libtorch} libtorch */
function describe({ dir, version, flavour, source }) {
  const from = {
    LIBTORCH: 'from LIBTORCH, ',
    cache: 'from ',
    python: 'of python3, ',
    fetched: 'downloaded to ',
  }[source];
  return `libtorch ${version} (${flavour}) ${from}${tilde(dir)}`;
}

module.exports = { PINNED, cacheFolder, findQuickly, findInPython, remember, inspect, describe };
