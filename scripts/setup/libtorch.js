// @ts-check
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Stop, say, tilde } = require('./say');

/** The versions that are fetched. Any 2.x from OLDEST on is taken where it is found. */
const PINNED = { cpu: '2.13.0', cuda: '2.14.1' };
const OLDEST = { major: 2, minor: 11 };

/**
 * @typedef {'LIBTORCH' | 'cache' | 'python' | 'fetched'} Source
 * @typedef {{ dir: string, version: string, flavour: string, source: Source }} Libtorch
 *   dir: the folder that has lib/, include/ and share/; flavour: cpu, cu130, …
 * @typedef {keyof typeof PINNED} Flavour
 */

/** The folder that all clones of this user share. */
function cacheRoot() {
  const xdg = process.env.XDG_CACHE_HOME;
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache');
  return path.join(base, 'tangshi');
}

/**
 * What is fetched is laid out as in its archive: the libtorch itself is `torch` in this folder.
 * @param {Flavour} flavour
 */
function cacheFolder(flavour) {
  return path.join(cacheRoot(), `libtorch-${PINNED[flavour]}-${flavour}-${process.platform}-${process.arch}`);
}

/**
 * The first libtorch of: LIBTORCH, the cache (one for CUDA was asked for), the Python that was chosen last time. It starts no process: it runs
 * before every command.
 * @param {Libtorch | undefined} last the libtorch that the addon was built with
 * @returns {Libtorch | null}
 */
function findQuickly(last) {
  const { LIBTORCH } = process.env;
  if (LIBTORCH) return mustBe(path.resolve(LIBTORCH));
  for (const flavour of /** @type {const} */ (['cuda', 'cpu'])) {
    const cached = inspect(path.join(cacheFolder(flavour), 'torch'), 'cache');
    if (cached.found) return cached.found;
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
    `Set LIBTORCH to a folder with the lib, include and share of libtorch 2.${OLDEST.minor} or a newer 2.x`,
    `or unset it: libtorch ${PINNED.cpu} is then found or fetched.`,
  );
}

/**
 * The torch of the Python on PATH; torch itself is not imported, which would take seconds.
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
  if (!found) say(`passing over the torch of python3: ${problem}`);
  return found;
}

/**
 * Makes the cache's libtorch for CUDA one that lies elsewhere; should it go, the cache has none again.
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
      problem: `${dir} has libtorch ${version}, and 2.x from 2.${OLDEST.minor} on is needed`,
    };
  }
  const missing = essentials().find((file) => !fs.existsSync(path.join(dir, file)));
  if (missing)
    return { found: null, problem: `the libtorch ${version} in ${dir} is not whole: it has no ${missing}` };
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
    fetched: 'fetched to ',
  }[source];
  return `libtorch ${version} (${flavour}) ${from}${tilde(dir)}`;
}

module.exports = { PINNED, cacheFolder, findQuickly, findInPython, remember, inspect, describe };
