import { type Check, checkLosses } from './check';
import { type Contest, runContest } from './contest';
import { type Bench, type Setting, stepsPerEpoch, withField } from './field';
import type { Sizes } from './protocol';

/** Training of other networks, against PyTorch's loop with chunked loss and tuned allocator. */
export type Networks = Readonly<{ checks: readonly Check[]; contests: readonly Contest[] }>;

const VOCABULARY = { vocabSize: 6000, embedDim: 100, layers: 2 };
const NETWORKS: readonly Sizes[] = [
  { ...VOCABULARY, hiddenDim: 1024, cell: 'lstm' },
  { ...VOCABULARY, hiddenDim: 128, cell: 'gru' },
  { ...VOCABULARY, hiddenDim: 512, cell: 'gru' },
  { ...VOCABULARY, hiddenDim: 128, cell: 'rnn' },
  { ...VOCABULARY, hiddenDim: 512, cell: 'rnn' },
];
/** Poems by hidden size: a round takes seconds in any case. */
const POEMS: Readonly<Record<number, number>> = { 128: 1024, 512: 512, 1024: 256 };

export async function networks(bench: Bench): Promise<Networks> {
  const checks: Check[] = [];
  const contests: Contest[] = [];
  for (const sizes of NETWORKS) {
    const setting: Setting = { sizes, poems: POEMS[sizes.hiddenDim] as number, batch: 64 };
    const steps = stepsPerEpoch(setting);
    await withField(bench, setting, bench.peers.pytorch('tuned', bench.threads), async (contenders) => {
      bench.show('checking that the losses agree');
      checks.push(await checkLosses(contenders, steps));
      const title = `training, ${sizes.cell?.toUpperCase()}, hidden ${sizes.hiddenDim}`;
      const work = (times: number) => ({ task: 'train', steps: times * steps }) as const;
      contests.push(await runContest(bench, { title, unit: 'tokens/s', contenders, work, sizes }));
    });
  }
  return { checks, contests };
}
