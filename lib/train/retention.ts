import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readCheckpoint } from '../model/checkpoint';
import type { Checkpoint } from '../model/checkpoint-format';
import { diskError, linkWhole } from '../util/disk';
import { TangshiError } from '../util/errors';
import { runFiles } from './run-folder';

/** A run keeps several checkpoints, in case the disk damages the last one. */

const NAME = /^step-(\d+)\.safetensors$/;

/** Older checkpoints of a run, newest first. */
async function olderCheckpoints(folder: string): Promise<{ path: string; step: number }[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw diskError('read', folder, error);
  });
  return names
    .flatMap((name) => {
      const step = NAME.exec(name)?.[1];
      return step === undefined ? [] : [{ path: join(folder, name), step: Number(step) }];
    })
    .sort((a, b) => b.step - a.step);
}

/**
 * To call before replacing `last`: links it under the name of its step, and removes all but `keep` - 1 of these links.
 *
 * @param step Step of `last`; undefined if it does not exist yet.
 * @throws ERR_TANGSHI_IO
 */
export async function keepLast(folder: string, step: number | undefined, keep: number): Promise<void> {
  const { last } = runFiles(folder);
  if (step !== undefined && keep > 1 && existsSync(last))
    await linkWhole(last, join(folder, `step-${step}.safetensors`));
  for (const { path } of (await olderCheckpoints(folder)).slice(keep - 1)) {
    await rm(path, { force: true }).catch((error: unknown) => {
      throw diskError('write', path, error);
    });
  }
}

/** A checkpoint to resume from. */
export type ResumePoint = Readonly<{
  checkpoint: Checkpoint;
  /** Which checkpoint replaces a damaged one. */
  notice?: string;
}>;

/**
 * Finds the newest undamaged checkpoint of a run, and makes it `last` again.
 *
 * @returns undefined if the run has not saved yet.
 * @throws ERR_TANGSHI_CHECKPOINT if all checkpoints are damaged. ERR_TANGSHI_IO
 */
export async function newestWhole(folder: string): Promise<ResumePoint | undefined> {
  const { last, best } = runFiles(folder);
  const faults: string[] = [];
  const checkpoint = await readIfWhole(last, faults);
  if (checkpoint) return { checkpoint };

  let newest: { path: string; checkpoint: Checkpoint } | undefined;
  for (const path of [...(await olderCheckpoints(folder)).map(({ path }) => path), best]) {
    const other = await readIfWhole(path, faults);
    if (other && other.progress.step > (newest?.checkpoint.progress.step ?? -1))
      newest = { path, checkpoint: other };
  }
  if (!newest) {
    if (faults.length === 0) return undefined;
    throw new TangshiError(
      'ERR_TANGSHI_CHECKPOINT',
      `${folder} has no undamaged checkpoint: ${faults.join('; ')}`,
    );
  }
  await linkWhole(newest.path, last);
  const why = faults[0] ?? `${last} is missing`;
  const { step } = newest.checkpoint.progress;
  return { checkpoint: newest.checkpoint, notice: `${why}: resuming from ${newest.path}, step ${step}` };
}

/** Undefined if the file does not exist, or is damaged, which is added to `faults`. */
async function readIfWhole(path: string, faults: string[]): Promise<Checkpoint | undefined> {
  try {
    return await readCheckpoint(path);
  } catch (error) {
    const { code, message, cause } = error as TangshiError;
    const reason = (cause as NodeJS.ErrnoException | undefined)?.code;
    if (reason === 'ENOENT') return undefined;
    // EIO: the disk can no longer read it.
    if (code !== 'ERR_TANGSHI_CHECKPOINT' && reason !== 'EIO') throw error;
    faults.push(message);
    return undefined;
  }
}
