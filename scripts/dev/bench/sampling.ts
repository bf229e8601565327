import { type Check, checkGreedy } from './check';
import type { Contender } from './contender';
import { type Contest, runContest } from './contest';
import { type Bench, LARGE_SIZES, SEED_SETTING, type Setting, withField } from './field';

export type Sampling = Readonly<{
  checks: readonly Check[];
  oneByOne: Contest;
  together: Contest;
  oneByOne512: Contest;
}>;

const LENGTH = 64;
const TOGETHER = 64;
/** The sampling of the course report is too slow for 64 poems at once. */
const REPORT = 'pytorch seed';
const HIDDEN_512: Setting = { ...SEED_SETTING, sizes: LARGE_SIZES };

export async function sampling(bench: Bench): Promise<Sampling> {
  const { peers, threads } = bench;
  const counts = [...new Set([1, threads])];
  const programs = [
    ...counts.flatMap((count) => peers.pytorchSampling(count)),
    ...peers.pytorch('tuned', threads),
    ...counts.flatMap((count) => peers.onnx(count)),
    ...peers.tfjs(),
  ];
  const report = peers.pytorch('seed', threads);
  const atSeedSize = await withField(bench, SEED_SETTING, [...programs, ...report], async (all) => ({
    check: await checked(bench, all),
    oneByOne: await samplingContest(bench, 'sampling, hidden 128, one at a time', all, 1),
    together: await samplingContest(
      bench,
      `sampling, hidden 128, ${TOGETHER} together`,
      all.filter(({ name }) => name !== REPORT),
      TOGETHER,
    ),
  }));
  const large = await withField(bench, HIDDEN_512, programs, async (all) => ({
    check: await checked(bench, all),
    oneByOne512: await samplingContest(bench, 'sampling, hidden 512, one at a time', all, 1),
  }));
  return {
    checks: [atSeedSize.check, large.check],
    oneByOne: atSeedSize.oneByOne,
    together: atSeedSize.together,
    oneByOne512: large.oneByOne512,
  };
}

function checked({ show }: Bench, all: readonly Contender[]): Promise<Check> {
  show('checking that greedy decoding agrees');
  return checkGreedy(all, LENGTH);
}

function samplingContest(
  bench: Bench,
  title: string,
  contenders: readonly Contender[],
  together: number,
): Promise<Contest> {
  return runContest(bench, {
    title,
    unit: 'characters/s',
    contenders,
    work: (times) => ({ task: 'sample', poems: times * together, together, length: LENGTH, temperature: 1 }),
  });
}
