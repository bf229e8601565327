import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from './contender';
import type { Bench } from './field';
import { flopPerToken } from './floor';
import type { Sizes, Work } from './protocol';

export type Row = Readonly<{
  name: string;
  /** Tokens per second of each round. */
  rates: readonly number[];
  median: number;
  min: number;
  max: number;
  /** Median over the rounds of this library's speed relative to this contender's in the same round. */
  ratio: number;
  /** Fraction of the floor, the best the cores can do. */
  share?: number;
}>;

export type Contest = Readonly<{
  title: string;
  unit: string;
  /** This library first. */
  rows: readonly Row[];
  /** Of one core, measured between the rounds. */
  gflops?: number;
  /** Tokens per second if the cores did nothing but the multiplications and additions. */
  floor?: number;
}>;

/** Approximate duration of one contender's round. */
const ROUND_SECONDS = 1.2;
/** After this time, threads that keep spinning after their work are asleep. */
const SETTLE_MS = 50;

/**
 * Times contenders in turn, round after round, so that other load on the machine affects all of them.
 *
 * @param work The given number of times the smallest unit of work.
 */
export async function runContest(
  bench: Bench,
  options: Readonly<{
    title: string;
    unit: string;
    contenders: readonly Contender[];
    work: (times: number) => Work;
    /** Sizes of the network in training, to compute the share of the floor. */
    sizes?: Sizes;
    /** Fewer for slow contenders. */
    rounds?: number;
    /** More if the first units do work that pays off later. */
    warmUps?: number;
  }>,
): Promise<Contest> {
  const { title, unit, contenders, work, sizes, rounds = bench.rounds, warmUps = 1 } = options;
  const times: number[] = [];
  for (const contender of contenders) {
    bench.show(`${title}: warming up ${contender.name}`);
    times.push(await timesInRound(contender, work, warmUps));
  }
  const rates = contenders.map((): number[] => []);
  const peaks: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (sizes) peaks.push(await bench.peak());
    for (const [i, contender] of contenders.entries()) {
      bench.show(`${title}: round ${round + 1} of ${rounds}, ${contender.name}`);
      await sleep(SETTLE_MS);
      const { tokens, seconds } = await contender.ask(work(times[i] as number));
      rates[i]?.push(tokens / seconds);
    }
  }
  const floor = sizes && floorOf(median(peaks), bench.threads, sizes);
  const rows = contenders.map(({ name }, i) => row(name, rates[i] as number[], rates[0] as number[], floor));
  return { title, unit, rows, ...(sizes && { gflops: median(peaks), floor }) };
}

/** Tokens per second. */
export function floorOf(gflops: number, threads: number, sizes: Sizes): number {
  return (gflops * 1e9 * threads) / flopPerToken(sizes);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}

/** The first units warm up, the next one measures the time per unit; none of them counts. */
async function timesInRound(
  contender: Contender,
  work: (times: number) => Work,
  warmUps: number,
): Promise<number> {
  const { seconds: slow } = await contender.ask(work(warmUps));
  if (slow > ROUND_SECONDS * warmUps) return 1;
  const { seconds } = await contender.ask(work(1));
  return Math.max(1, Math.round(ROUND_SECONDS / seconds));
}

function row(name: string, rates: readonly number[], own: readonly number[], floor: number | undefined): Row {
  return {
    name,
    rates,
    median: median(rates),
    min: Math.min(...rates),
    max: Math.max(...rates),
    ratio: median(rates.map((rate, round) => (own[round] as number) / rate)),
    ...(floor && { share: median(rates) / floor }),
  };
}
