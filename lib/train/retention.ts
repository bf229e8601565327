import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint';
import { diskError, linkWhole } from '../util/disk';
import { TangshiError } from '../util/errors';
import { runFiles } from './run-folder';

/** A run keeps its last checkpoints, so that one that the disk spoils is not the only one. */

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
 * Before `last` is replaced: keeps it under the name of its step, and lets go of all but `keep` - 1 of these.
 *
 * @param step Of `last`, or undefined where there is none yet.
 * @throws EIO
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

/**
 * The newest checkpoint of a run that is whole, which then is `last` again.
 *
 * @returns undefined where the run has not come to its first. `notice` says what was taken in place of a damaged one.
 * @throws ECHECKPOINT when there are some and none is whole. EIO
 */
export async function newestWhole(
  folder: string,
): Promise<{ checkpoint: Checkpoint; notice?: string } | undefined> {
  const { last, best } = runFiles(folder);
  const faults: string[] = [];
  const checkpoint = await readWhole(last, faults);
  if (checkpoint) return { checkpoint };

  let newest: { path: string; checkpoint: Checkpoint } | undefined;
  for (const path of [...(await olderCheckpoints(folder)).map(({ path }) => path), best]) {
    const other = await readWhole(path, faults);
    if (other && other.progress.step > (newest?.checkpoint.progress.step ?? -1))
      newest = { path, checkpoint: other };
  }
  if (!newest) {
    if (faults.length === 0) return undefined;
    throw new TangshiError('ECHECKPOINT', `${folder} has no checkpoint that is whole: ${faults.join('; ')}`);
  }
  await linkWhole(newest.path, last);
  const why = faults[0] ?? `${last} is gone`;
  const { step } = newest.checkpoint.progress;
  return { checkpoint: newest.checkpoint, notice: `${why}: going on from ${newest.path}, step ${step}` };
}

/** Undefined for one that is not there, or is damaged, which is noted. */
async function readWhole(path: string, faults: string[]): Promise<Checkpoint | undefined> {
  try {
    return await readCheckpoint(path);
  } catch (error) {
    const { code, message, cause } = error as TangshiError;
    const reason = (cause as NodeJS.ErrnoException | undefined)?.code;
    if (reason === 'ENOENT') return undefined;
    if (code !== 'ECHECKPOINT' && reason !== 'EIO') throw error; // EIO: what the disk can no longer read
    faults.push(message);
    return undefined;
  }
}
