import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { acquire } from '../../setup/lock';
import { run } from '../../setup/run';
import type { Sizes } from './protocol';

/** Peak throughput of one core at this moment, in GFLOP/s. */
export type Peak = () => Promise<number>;

const ROOT = join(__dirname, '..', '..', '..');
const BUILD = join(ROOT, 'build');
const TARGET = 'bench-peak';

/** Builds the program that measures it; returns at once if it is up to date. */
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

/** Multiplications and additions in the matrix products per target, forward and (twice as many) backward. */
export function flopPerToken({ vocabSize, embedDim, hiddenDim, layers, cell = 'lstm' }: Sizes): number {
  const gates = { lstm: 4, gru: 3, rnn: 1 }[cell];
  const first = gates * hiddenDim * (embedDim + hiddenDim);
  const other = gates * hiddenDim * (hiddenDim + hiddenDim);
  const weights = first + (layers - 1) * other + vocabSize * hiddenDim;
  return 3 * 2 * weights;
}
