import type { Contender } from './contender';
import { floorOf } from './contest';
import { type Bench, SEED_SETTING, SEED_SIZES, type Setting, stepsPerEpoch, withField } from './field';

/** How this library scales with one parameter at a time. */
export type Scaling = Readonly<{
  threads: readonly Point[];
  hidden: readonly Point[];
  batch: readonly Point[];
  /** One epoch each. */
  corpus: readonly Point[];
}>;

export type Point = Readonly<{
  value: number;
  tokens: number;
  seconds: number;
  tokensPerSecond: number;
  /** Fraction of the floor. */
  share: number;
  peakBytes: number;
}>;

const HIDDEN = [128, 256, 512, 1024];
const BATCH = [16, 32, 64, 128, 256];
const CORPUS = [1, 2, 5, 10];
const CORPUS_POEMS = 500;
const SECONDS = 1.5;

export async function scaling(bench: Bench): Promise<Scaling> {
  const threads: Point[] = [];
  for (const count of new Set([1, bench.threads])) {
    threads.push(await point({ ...bench, threads: count }, 'threads', count, SEED_SETTING));
  }
  const hidden: Point[] = [];
  for (const hiddenDim of HIDDEN) {
    const sizes = { ...SEED_SIZES, hiddenDim };
    hidden.push(await point(bench, 'hidden', hiddenDim, { ...SEED_SETTING, sizes, poems: 128 }));
  }
  const batches: Point[] = [];
  for (const batch of BATCH) {
    // Four batches: with fewer, poems of different lengths would share a batch, with much padding.
    batches.push(await point(bench, 'batch', batch, { ...SEED_SETTING, batch, poems: 4 * batch }));
  }
  const corpus: Point[] = [];
  for (const times of CORPUS) {
    const setting = { ...SEED_SETTING, poems: times * CORPUS_POEMS };
    corpus.push(await point(bench, 'corpus', times, setting, 1));
  }
  return { threads, hidden, batch: batches, corpus };
}

/** Measures in a separate process. @param epochs Default: enough for a reliable measurement. */
function point(bench: Bench, what: string, value: number, setting: Setting, epochs?: number): Promise<Point> {
  return withField(bench, setting, [], async ([contender]) => {
    bench.show(`scaling: ${what} ${value}`);
    const steps = stepsPerEpoch(setting) * (epochs ?? (await epochsOf(contender, setting)));
    if (epochs !== undefined) await contender.ask({ task: 'train', steps: 1 }); // warm-up
    const gflops = await bench.peak();
    const { tokens, seconds, peakBytes } = await contender.ask({ task: 'train', steps });
    const tokensPerSecond = tokens / seconds;
    const share = tokensPerSecond / floorOf(gflops, bench.threads, setting.sizes);
    return { value, tokens, seconds, tokensPerSecond, share, peakBytes };
  });
}

async function epochsOf(contender: Contender, setting: Setting): Promise<number> {
  const { seconds } = await contender.ask({ task: 'train', steps: stepsPerEpoch(setting) });
  return Math.max(1, Math.round(SECONDS / seconds));
}
