import { largestDifference } from './check';
import { type Bench, type Setting, withField } from './field';

/** How far this library and PyTorch diverge over a whole training run from the same weights on the same batches. */
export type Curve = Readonly<{
  steps: number;
  /** Nats per target. */
  first: number;
  last: number;
  /** Largest over all steps, in nats per target. */
  difference: number;
  /** The same relative to the loss. */
  relative: number;
}>;

const STEPS = 300;
const SETTING: Setting = {
  sizes: { vocabSize: 1000, embedDim: 64, hiddenDim: 64, layers: 2 },
  poems: 480,
  batch: 16,
  batches: STEPS,
};

/** Undefined without PyTorch. */
export async function curve(bench: Bench): Promise<Curve | undefined> {
  const programs = bench.peers.pytorch('batched', bench.threads);
  if (programs.length === 0) return undefined;
  return withField(bench, SETTING, programs, async (all) => {
    const runs: (readonly number[])[] = [];
    for (const contender of all) {
      bench.show(`curve: ${STEPS} steps of ${contender.name}`);
      runs.push((await contender.ask({ task: 'train', steps: STEPS })).losses ?? []);
    }
    const [own, other] = runs as [number[], number[]];
    const gaps = own.map((loss, step) => Math.abs(loss - (other[step] as number)));
    return {
      steps: STEPS,
      first: own[0] as number,
      last: own.at(-1) as number,
      difference: Math.max(...gaps),
      relative: largestDifference(own, other),
    };
  });
}
