import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from './contender';
import type { Bench } from './field';
import { flopPerToken } from './floor';
import type { Sizes, Work } from './protocol';

export type Row = Readonly<{
  name: string;
  /** Tokens a second of each round. */
  rates: readonly number[];
  median: number;
  min: number;
  max: number;
  /** Median over the rounds of how many times as fast this library was in the same round. */
  ratio: number;
  /** Of the floor: what the cores can do at best. */
  share?: number;
}>;

export type Contest = Readonly<{
  title: string;
  unit: string;
  /** This library first. */
  rows: readonly Row[];
  /** Of one core, between the rounds. */
  gflops?: number;
  /** Tokens a second that the cores would do if they did nothing but multiply and add. */
  floor?: number;
}>;

/** A round of one contender takes about so long. */
const ROUND_SECONDS = 1.2;
/** Threads that spin on after their work have gone to sleep by then. */
const SETTLE_MS = 50;

/**
 * Times contenders in turn, round after round, so that whatever else the machine does meets them all.
 *
 * @param work So many times the least that can be asked for.
 */
export async function runContest(
  bench: Bench,
  options: Readonly<{
    title: string;
    unit: string;
    contenders: readonly Contender[];
    work: (times: number) => Work;
    /** Of the network that is trained: asks for the share of the floor. */
    sizes?: Sizes;
    /** Fewer, for the slow. */
    rounds?: number;
    /** More, where the first times are spent on what pays later. */
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

/** Tokens a second. */
export function floorOf(gflops: number, threads: number, sizes: Sizes): number {
  return (gflops * 1e9 * threads) / flopPerToken(sizes);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}

/** The first times warm up, the next tells how long a time takes; none of them counts. */
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
