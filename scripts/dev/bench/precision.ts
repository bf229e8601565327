import type { Contender } from './contender';
import { type Contest, runContest } from './contest';
import { type Bench, LARGE_SIZES, SEED_SIZES, type Setting, stepsPerEpoch, withField } from './field';
import { ours } from './peers';
import type { Place } from './protocol';

/** Training in bf16 on the CPU, against fp32. */
export type Precision = Readonly<{
  contests: readonly Contest[];
  /** Largest difference of the means of 50 losses, in nats, over 500 steps. */
  lossDifference: number;
}>;

const BF16: Place = { device: 'cpu', precision: 'bf16', graph: false };
const SETTINGS: readonly Setting[] = [
  { sizes: SEED_SIZES, poems: 1024, batch: 64 },
  { sizes: LARGE_SIZES, poems: 512, batch: 64 },
  { sizes: { ...SEED_SIZES, hiddenDim: 1024 }, poems: 256, batch: 64 },
];
const STEPS = 500;
const CURVE: Setting = {
  sizes: { vocabSize: 1000, embedDim: 64, hiddenDim: 64, layers: 2 },
  poems: 480,
  batch: 16,
  batches: STEPS,
};
const AVERAGED = 50;

/** Undefined if the CPU cannot compute in bf16. */
export async function precision(bench: Bench): Promise<Precision | undefined> {
  const both = <T>(setting: Setting, work: (all: readonly [Contender, ...Contender[]]) => Promise<T>) =>
    withField({ ...bench, place: BF16 }, setting, [ours(bench.threads, undefined, 'ours in fp32')], work);
  try {
    const lossDifference = await both(CURVE, (all) => difference(bench, all));
    const contests: Contest[] = [];
    for (const setting of SETTINGS) {
      const steps = stepsPerEpoch(setting);
      const title = `training in bf16, hidden ${setting.sizes.hiddenDim}`;
      const work = (times: number) => ({ task: 'train', steps: times * steps }) as const;
      contests.push(
        await both(setting, (contenders) =>
          runContest(bench, { title, unit: 'tokens/s', contenders, work, sizes: setting.sizes }),
        ),
      );
    }
    return { contests, lossDifference };
  } catch (error) {
    if ((error as Error).message.includes('AVX512_BF16')) return undefined;
    throw error;
  }
}

async function difference(bench: Bench, contenders: readonly Contender[]): Promise<number> {
  const curves: number[][] = [];
  for (const contender of contenders) {
    bench.show(`precision: ${STEPS} steps of ${contender.name}`);
    const { losses = [] } = await contender.ask({ task: 'train', steps: STEPS });
    curves.push(means(losses));
  }
  const [bf16 = [], fp32 = []] = curves;
  return Math.max(...bf16.map((mean, i) => Math.abs(mean - (fp32[i] as number))));
}

function means(losses: readonly number[]): number[] {
  return Array.from({ length: Math.floor(losses.length / AVERAGED) }, (_, i) => {
    const some = losses.slice(i * AVERAGED, (i + 1) * AVERAGED);
    return some.reduce((sum, loss) => sum + loss, 0) / AVERAGED;
  });
}
