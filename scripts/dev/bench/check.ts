import type { Contender } from './contender';

/** Contenders that must compute the same, and the largest relative difference between them. */
export type Check = Readonly<{ what: string; among: readonly string[]; difference: number }>;

/** The contenders do different work, so their times cannot be compared. */
export class Mismatch extends Error {}

const TOLERANCE = 1e-3;

/** Compares the losses of the first steps, from the same weights on the same batches. */
export async function checkLosses(contenders: readonly Contender[], steps: number): Promise<Check> {
  const runs: (readonly number[])[] = [];
  for (const contender of contenders) {
    runs.push((await contender.ask({ task: 'train', steps })).losses ?? []);
  }
  const among = contenders.map(({ name }) => name);
  const [own = [], ...others] = runs;
  const differences = others.map((losses) => largestDifference(own, losses));
  const what = `losses of ${steps === 1 ? 'the first step' : `the first ${steps} steps`}`;
  const wrong = among.slice(1).filter((_, peer) => !((differences[peer] as number) <= TOLERANCE));
  if (wrong.length > 0) throw new Mismatch(`The ${what} differ:\n${lossLines(among, runs)}`);
  return { what, among, difference: Math.max(0, ...differences) };
}

/** Compares the characters of greedy decoding, from the same weights. */
export async function checkGreedy(contenders: readonly Contender[], length: number): Promise<Check> {
  const poems: string[] = [];
  for (const contender of contenders) {
    const work = { task: 'sample', poems: 1, together: 1, length, temperature: 0 } as const;
    const { ids = [] } = await contender.ask(work);
    poems.push(ids.join(' '));
  }
  const among = contenders.map(({ name }) => name);
  const what = `${length} characters of greedy decoding`;
  if (new Set(poems).size > 1) {
    throw new Mismatch([`The ${what} differ:`, ...among.map((n, i) => `${n}: ${poems[i]}`)].join('\n'));
  }
  return { what, among, difference: 0 };
}

/** Relative; NaN if a loss is missing. */
export function largestDifference(own: readonly number[], others: readonly number[]): number {
  if (own.length !== others.length) return Number.NaN;
  return own.reduce((largest, loss, step) => {
    return Math.max(largest, Math.abs(loss - (others[step] as number)) / Math.abs(loss));
  }, 0);
}

function lossLines(names: readonly string[], runs: readonly (readonly number[])[]): string {
  return names.map((name, i) => `${name}: ${runs[i]?.map((loss) => loss.toFixed(6)).join(' ')}`).join('\n');
}
