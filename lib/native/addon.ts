import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder, markUsed } from '../util/cache-folder';
import { TangshiError } from '../util/errors';
import { commandLine, ROOT, VERSION } from '../util/package-root';
import type { NativeAddon, WriterAddon } from './contract';

/** Where the setup builds: in the package or, if it cannot be written to, in the user's cache. */
const BUILDS = [
  join(ROOT, 'build', 'Release'),
  join(cacheFolder(), `build-${VERSION}-${process.platform}-${process.arch}`, 'Release'),
];
/** Where the package has the writer compiled for this system; on Linux for glibc, or for musl. */
const PREBUILDS = ['', '-musl'].map((suffix) =>
  join(ROOT, 'prebuilds', `${process.platform}-${process.arch}${suffix}`),
);

let writer: WriterAddon | undefined;
let training: NativeAddon | undefined;

/**
 * The addon that generates poems, loaded on first use: vocabularies, corpora and checkpoints work without it. Needs no
 * libtorch.
 *
 * @throws ERR_TANGSHI_ADDON if there is none for this system, or it does not load; the message includes the command that
 * says how to build it.
 */
export function writerAddon(): WriterAddon {
  writer ??= load<WriterAddon>('writer.node', [...BUILDS, ...PREBUILDS], commandLine('doctor'));
  return writer;
}

/**
 * The addon for training and GPUs, which needs libtorch, loaded on first use.
 *
 * @throws ERR_TANGSHI_ADDON if it is not built or does not load.
 */
export function addon(): NativeAddon {
  if (training) return training;
  training = load<NativeAddon>('tangshi.node', BUILDS, commandLine('setup'));
  markUsedBuild();
  return training;
}

/** Whether the addon for training is built. */
export function hasTrainingAddon(): boolean {
  return BUILDS.some((folder) => existsSync(join(folder, 'tangshi.node')));
}

/** The build and its libtorch, as the setup wrote down, may be in the cache. */
function markUsedBuild(): void {
  const build = BUILDS.map(dirname).find((folder) => existsSync(join(folder, 'stamp.json')));
  if (build === undefined) return;
  markUsed(build);
  try {
    const { libtorch } = JSON.parse(readFileSync(join(build, 'stamp.json'), 'utf8'));
    markUsed(dirname(libtorch.dir));
  } catch {} // being rebuilt
}

/** Loads the first file that there is, and that loads. */
function load<Addon>(name: string, folders: readonly string[], setup: string): Addon {
  const files = folders.map((folder) => join(folder, name)).filter((file) => existsSync(file));
  if (files.length === 0) {
    const what = name === 'writer.node' ? 'The native addon' : 'The native addon for training and GPUs';
    throw addonError(`${what} is not built (${join(folders[0] as string, name)}): run ${setup}`);
  }
  // Without a working directory, the loader does not find libtorch's own libraries, and the process ends.
  if (!hasWorkingDirectory())
    throw addonError('The working directory no longer exists: change to another one');
  let failure: unknown;
  for (const file of files) {
    try {
      return require(file) as Addon;
    } catch (error) {
      failure ??= error;
    }
  }
  if ((failure as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED')
    throw addonError(
      'This process may not load native addons: start Node without its option no-addons',
      failure,
    );
  const reason = failure instanceof Error ? failure.message : failure;
  throw addonError(`The native addon does not load (${reason}): run ${setup}`, failure);
}

function addonError(message: string, cause?: unknown): TangshiError {
  return new TangshiError('ERR_TANGSHI_ADDON', message, { cause });
}

function hasWorkingDirectory(): boolean {
  try {
    return existsSync(process.cwd());
  } catch {
    return false;
  }
}
