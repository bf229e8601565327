import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TangshiError } from '../util/errors';
import { commandLine, ROOT } from '../util/package-root';
import type { NativeAddon } from './contract';

const ADDON = join(ROOT, 'build', 'Release', 'tangshi.node');

let loaded: NativeAddon | undefined;

/**
 * The addon, loaded on first use: vocabularies, corpora and checkpoints work without it.
 *
 * @throws ERR_TANGSHI_ADDON if it is not built or does not load; the message includes the command that builds
 * it.
 */
export function addon(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  if (!existsSync(ADDON))
    throw addonError(`The native addon is not built (${ADDON}): run ${commandLine('setup')}`);
  // Without a working directory, the loader does not find libtorch's own libraries, and the process ends.
  if (!hasWorkingDirectory())
    throw addonError('The working directory no longer exists: change to another one');
  try {
    return require(ADDON) as NativeAddon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw addonError(`The native addon does not load (${reason}): run ${commandLine('setup')}`, error);
  }
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
