import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { acquire } from '../../setup/lock';
import { run } from '../../setup/run';
import type { Sizes } from './protocol';

/** What one core can do at best, right now, in GFLOP/s. */
export type Peak = () => Promise<number>;

const ROOT = join(__dirname, '..', '..', '..');
const BUILD = join(ROOT, 'build');
const TARGET = 'bench-peak';

/** Builds the program that measures it; when that is up to date this takes no time. */
export async function buildPeak(): Promise<Peak> {
  const lock = await acquire(join(BUILD, 'setup.lock'), 'building a part of the benchmark');
  try {
    const { ok, lines } = await run('cmake', ['--build', BUILD, '--target', TARGET], { cwd: ROOT, lock });
    if (!ok) throw new Error([`${TARGET} could not be built:`, ...lines.slice(-10)].join('\n'));
  } finally {
    lock.release();
  }
  return async () => Number((await promisify(execFile)(join(BUILD, TARGET))).stdout);
}

/** Multiplications and additions in the matrix products of a target, forward and (twice as much) backward. */
export function flopPerToken({ vocabSize, embedDim, hiddenDim, layers }: Sizes): number {
  const first = 4 * hiddenDim * (embedDim + hiddenDim);
  const other = 4 * hiddenDim * (hiddenDim + hiddenDim);
  const weights = first + (layers - 1) * other + vocabSize * hiddenDim;
  return 3 * 2 * weights;
}
