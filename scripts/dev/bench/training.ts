import { type Check, checkLosses } from './check';
import { type Contender, start } from './contender';
import { type Contest, runContest } from './contest';
import { type Bench, LARGE_SIZES, SEED_SETTING, type Setting, stepsPerEpoch, withField } from './field';

export type Training = Readonly<{
  checks: readonly Check[];
  seedSize: Contest;
  /** With another busy process. */
  disturbed: Contest;
  hidden512: Contest;
  /** With batches small enough for tfjs. */
  tfjs?: Contest;
}>;

const HIDDEN_512: Setting = { sizes: LARGE_SIZES, poems: 512, batch: 64 };
const SMALL_BATCH: Setting = { ...SEED_SETTING, poems: 16, batch: 16 };

/** Keeps a core busy, and ends when this process ends, however that happens. */
const BUSY = 'const parent = process.ppid; while (process.ppid === parent);';

export async function training(bench: Bench): Promise<Training> {
  const { peers, threads } = bench;
  const usual = (['batched', 'tuned'] as const).flatMap((way) => peers.pytorch(way, threads));
  const report = peers.pytorch('seed', threads);
  const atSeedSize = await withField(bench, SEED_SETTING, [...report, ...usual], async (all) => {
    const check = await checked(bench, SEED_SETTING, all);
    const seedSize = await trainingContest(bench, 'training, hidden 128', SEED_SETTING, all);
    const two = all.filter(({ name }) => name === 'ours' || name === 'pytorch batched');
    const disturbed = await besideBusyProcess(() =>
      trainingContest(bench, 'training, hidden 128, beside a busy process', SEED_SETTING, two),
    );
    return { check, seedSize, disturbed };
  });
  const large = await withField(bench, HIDDEN_512, usual, async (all) => ({
    check: await checked(bench, HIDDEN_512, all),
    hidden512: await trainingContest(bench, 'training, hidden 512', HIDDEN_512, all),
  }));
  const small = await withTfjs(bench);
  return {
    checks: [atSeedSize.check, large.check, ...(small ? [small.check] : [])],
    seedSize: atSeedSize.seedSize,
    disturbed: atSeedSize.disturbed,
    hidden512: large.hidden512,
    ...(small && { tfjs: small.contest }),
  };
}

/** Checks a single step: its LSTM has one bias per layer where the others have two, which learn twice as fast. */
async function withTfjs(bench: Bench): Promise<{ check: Check; contest: Contest } | undefined> {
  const programs = bench.peers.tfjs();
  if (programs.length === 0) return undefined;
  return withField(bench, SMALL_BATCH, programs, async (all) => ({
    check: await checked(bench, SMALL_BATCH, all),
    contest: await trainingContest(bench, 'training, hidden 128, batch 16', SMALL_BATCH, all, 1),
  }));
}

function checked({ show }: Bench, setting: Setting, all: readonly Contender[]): Promise<Check> {
  show('checking that the losses agree');
  return checkLosses(all, stepsPerEpoch(setting));
}

/** Uses whole epochs, so that every round of every contender has poems of all lengths. */
function trainingContest(
  bench: Bench,
  title: string,
  setting: Setting,
  contenders: readonly Contender[],
  rounds?: number,
): Promise<Contest> {
  const steps = stepsPerEpoch(setting);
  return runContest(bench, {
    title,
    unit: 'tokens/s',
    contenders,
    work: (times) => ({ task: 'train', steps: times * steps }),
    sizes: setting.sizes,
    rounds,
  });
}

async function besideBusyProcess<T>(work: () => Promise<T>): Promise<T> {
  const busy = start(process.execPath, ['-e', BUSY]);
  try {
    return await work();
  } finally {
    busy.kill('SIGKILL');
  }
}
