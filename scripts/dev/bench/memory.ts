import type { Contender } from './contender';
import { type Bench, SEED_SETTING, withField } from './field';
import { ours } from './peers';

/** Peak resident memory of a separate process, with ts-node, like the commands of this library. */
export type Memory = readonly Readonly<{ name: string; loadedBytes: number; peakBytes: number }>[];

const STEPS = 30;

/** Each in a fresh process that loads and trains a few batches of the report's size. */
export async function memory(bench: Bench): Promise<Memory> {
  const rows: Memory[number][] = [];
  for (const program of [ours(bench.threads), ...bench.peers.pytorch('batched', bench.threads)]) {
    await withField(bench, SEED_SETTING, [program], async (all) => {
      bench.show(`memory: ${program.name}`);
      const contender = all.at(-1) as Contender;
      const { peakBytes } = await contender.ask({ task: 'train', steps: STEPS });
      rows.push({ name: contender.name, loadedBytes: contender.loadedBytes, peakBytes });
    });
  }
  return rows;
}
