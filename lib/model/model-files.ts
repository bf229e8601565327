import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../util/disk';
import { TangshiError } from '../util/errors';
import { ROOT } from '../util/package-root';

/** Path of the model that comes with the package; models/README.md describes it. */
export const BUNDLED_MODEL = join(ROOT, 'models', 'tangshi.safetensors');

/** The checkpoints of a run folder. */
export function checkpointFiles(folder: string): Readonly<{ best: string; last: string }> {
  return { best: join(folder, 'best.safetensors'), last: join(folder, 'last.safetensors') };
}

/**
 * The checkpoint at a path: the file itself or, in a run folder, the best checkpoint, or the last if there is no best.
 *
 * @throws ERR_TANGSHI_NO_MODEL if there is none. ERR_TANGSHI_IO
 */
export async function findCheckpoint(path: string): Promise<string> {
  const found = await statIfExists(path);
  if (!found)
    throw new TangshiError('ERR_TANGSHI_NO_MODEL', `There is no model at ${path}`, { option: 'model' });
  if (!found.isDirectory()) return path;
  const { best, last } = checkpointFiles(path);
  for (const file of [best, last]) if (await statIfExists(file)) return file;
  throw new TangshiError(
    'ERR_TANGSHI_NO_MODEL',
    `The folder ${path} has no checkpoint: it is not a run folder, or training has not saved yet`,
    { option: 'model' },
  );
}

async function statIfExists(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw diskError('read', path, error);
  }
}
