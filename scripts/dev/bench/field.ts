import { join } from 'node:path';
import { Contender, type Program } from './contender';
import { makeData, writeData } from './data';
import type { Peak } from './floor';
import { ours, type Peers } from './peers';
import type { Place, Sizes } from './protocol';

/** Passed to every section. */
export type Bench = Readonly<{
  /** For temporary files of the benchmark. */
  folder: string;
  peers: Peers;
  peak: Peak;
  rounds: number;
  /** Number of CPU threads, for all contenders where it can be set. */
  threads: number;
  /** Device of this library. Default: the CPU. */
  place?: Place;
  /** Shows progress. */
  show(text: string): void;
}>;

/** A network and its training data. */
export type Setting = Readonly<{
  sizes: Sizes;
  poems: number;
  batch: number;
  /** Number of ready-made batches, if more than an epoch. */
  batches?: number;
}>;

/** The network of the course report. */
export const SEED_SIZES: Sizes = { vocabSize: 6000, embedDim: 100, hiddenDim: 128, layers: 2 };
export const LARGE_SIZES: Sizes = { vocabSize: 6000, embedDim: 512, hiddenDim: 512, layers: 2 };
/** Enough poems that batches of similar length need little padding (5%), as with a whole corpus. */
export const SEED_SETTING: Setting = { sizes: SEED_SIZES, poems: 1024, batch: 64 };

let fields = 0;

/**
 * Opens this library and its peers on the same data with the same initial weights, and ends them afterwards.
 *
 * @param work Gets all contenders, this library first.
 */
export async function withField<T>(
  { folder, threads, place, show }: Bench,
  { sizes, ...data }: Setting,
  programs: readonly Program[],
  work: (contenders: readonly [Contender, ...Contender[]]) => Promise<T>,
): Promise<T> {
  const path = join(folder, String(fields++));
  const setup = { sizes, data: `${path}.json`, weights: `${path}.weights` };
  writeData(setup.data, makeData({ vocabSize: sizes.vocabSize, ...data }));
  const opened: Contender[] = [];
  const open = async (program: Program) => {
    show(`starting ${program.name}`);
    const contender = new Contender(program);
    opened.push(contender);
    await contender.open(setup);
    return contender;
  };
  try {
    const own = await open(ours(threads, place));
    if (programs.length > 0) await own.ask({ task: 'weights' });
    const others: Contender[] = [];
    for (const program of programs) others.push(await open(program));
    return await work([own, ...others]);
  } finally {
    for (const contender of opened) contender.close();
  }
}

export function stepsPerEpoch({ poems, batch }: Setting): number {
  return Math.ceil(poems / batch);
}
