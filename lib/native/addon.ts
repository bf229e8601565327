import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TangshiError } from '../util/errors';
import { commandLine, ROOT } from '../util/package-root';
import type { NativeAddon } from './contract';

const ADDON = join(ROOT, 'build', 'Release', 'tangshi.node');

let loaded: NativeAddon | undefined;

/**
 * The addon, loaded at first use: what needs no model (vocabularies, corpora, checkpoints) works without it.
 *
 * @throws EADDON when it was not built or does not load; says which command builds it.
 */
export function addon(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  if (!existsSync(ADDON)) {
    throw new TangshiError('EADDON', `The native addon is not built (${ADDON}): run ${commandLine('setup')}`);
  }
  // Without one, libtorch's own libraries are not found, which ends the process.
  if (!hasWorkingFolder())
    throw new TangshiError('EADDON', 'The working directory is gone: change to another one');
  try {
    return require(ADDON) as NativeAddon;
  } catch (error) {
    throw new TangshiError(
      'EADDON',
      `The native addon does not load (${error instanceof Error ? error.message : error}): run ${commandLine('setup')}`,
      { cause: error },
    );
  }
}

function hasWorkingFolder(): boolean {
  try {
    return existsSync(process.cwd());
  } catch {
    return false;
  }
}
