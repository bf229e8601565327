import type { Contender } from './contender';
import { type Bench, SEED_SETTING, SEED_SIZES, type Setting, stepsPerEpoch, withField } from './field';
import { ours } from './peers';

/** Peak resident memory of separate processes, with ts-node, like the commands of this library. This library first. */
export type Memory = readonly Readonly<{
  hidden: number;
  rows: readonly Readonly<{ name: string; loadedBytes: number; peakBytes: number }>[];
}>[];

const STEPS = 30;
const HIDDEN_1024: Setting = { sizes: { ...SEED_SIZES, hiddenDim: 1024 }, poems: 256, batch: 64 };

/** Each in a fresh process that loads and trains a few batches: of the report's network, and of a large one. */
export async function memory(bench: Bench): Promise<Memory> {
  return [
    { hidden: 128, rows: await peaks(bench, SEED_SETTING, STEPS) },
    { hidden: 1024, rows: await peaks(bench, HIDDEN_1024, stepsPerEpoch(HIDDEN_1024)) },
  ];
}

async function peaks(bench: Bench, setting: Setting, steps: number): Promise<Memory[number]['rows']> {
  const rows: Memory[number]['rows'][number][] = [];
  for (const program of [ours(bench.threads), ...bench.peers.pytorch('batched', bench.threads)]) {
    await withField(bench, setting, [program], async (all) => {
      bench.show(`memory: ${program.name}`);
      const contender = all.at(-1) as Contender;
      const { peakBytes } = await contender.ask({ task: 'train', steps });
      rows.push({ name: contender.name, loadedBytes: contender.loadedBytes, peakBytes });
    });
  }
  return rows;
}
