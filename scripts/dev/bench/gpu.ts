import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addon } from '../../../lib/native/addon';
import type { Precision } from '../../../lib/native/contract';
import { type Check, checkLosses } from './check';
import type { Contender } from './contender';
import { type Contest, runContest } from './contest';
import { type Bench, SEED_SETTING, SEED_SIZES, type Setting, stepsPerEpoch, withField } from './field';
import { ours } from './peers';
import type { Place } from './protocol';

/** Compares this library on a GPU with PyTorch on it, and with this machine's CPU. */
export type Gpu = Readonly<{
  device: string;
  checks: readonly Check[];
  seedSize: Contest;
  batch512: Contest;
  hidden1024: Readonly<Record<'bf16' | 'fp16', Contest>>;
  /** Largest difference over 200 steps between GPU and CPU, both in fp32, in nats. */
  lossDifference: number;
  /** Fraction of the training time without a step on the GPU, and fraction of the steps that ran as CUDA graphs. */
  idle: number;
  captured: number;
  /** cuDNN's algorithms according to its own log; empty without a log. */
  algorithms: Readonly<Record<string, readonly string[]>>;
  /** Numbers of poems generated together, starting with one. */
  sampling: readonly Contest[];
}>;

const BATCH_512: Setting = { sizes: SEED_SIZES, poems: 4096, batch: 512 };
const HIDDEN_1024: Setting = {
  sizes: { vocabSize: 6000, embedDim: 1024, hiddenDim: 1024, layers: 2 },
  poems: 1024,
  batch: 128,
};
const LOSS_STEPS = 200;
/** Until almost every batch has a shape with a captured graph. */
const CAPTURE_EPOCHS = 5;
const PROFILE_EPOCHS = 60;
const TOGETHER = [1, 4, 16, 64, 256, 1024];
const LENGTH = 64;

/** Reports each contest as soon as it is over: a GPU may be available for minutes only. */
type GpuBench = Bench & Readonly<{ told: (contest: Contest) => void }>;

function on(precision: Precision, graph = true): Place {
  return { device: 'cuda:0', precision, graph };
}

export async function gpu(bench: GpuBench): Promise<Gpu> {
  const { peers, threads } = bench;
  const { devices, problem } = await addon().findCuda();
  if (problem !== undefined) throw new Error(`No usable GPU: ${problem}`);
  const tf32 = on('tf32');
  const rivals = [
    ours(threads, on('tf32', false), 'ours --no-graph'),
    ...(['eager', 'graph'] as const).flatMap((way) => peers.pytorchOn(tf32, way)),
    ours(threads, undefined, 'ours on the CPU'),
  ];
  const atSeedSize = await withField({ ...bench, place: tf32 }, SEED_SETTING, rivals, async (all) => {
    const [own] = all;
    const check = await checkLosses(all, stepsPerEpoch(SEED_SETTING));
    const seedSize = await contest(bench, 'training, hidden 128, batch 64, tf32', SEED_SETTING, all);
    return { check, seedSize, ...(await profile(bench, own)) };
  });
  const { check, ...seedFigures } = atSeedSize;
  const eager = peers.pytorchOn(tf32, 'eager');
  const batch512 = await withField({ ...bench, place: tf32 }, BATCH_512, eager, (all) =>
    contest(bench, 'training, hidden 128, batch 512, tf32', BATCH_512, all),
  );
  return {
    device: devices[0]?.name ?? 'unknown',
    checks: [check],
    ...seedFigures,
    batch512,
    hidden1024: { bf16: await at1024(bench, 'bf16'), fp16: await at1024(bench, 'fp16') },
    lossDifference: await lossDifference(bench),
    algorithms: {
      'hidden 128, tf32': await algorithms(bench, SEED_SETTING, on('tf32', false)),
      'hidden 1024, bf16': await algorithms(bench, HIDDEN_1024, on('bf16', false)),
      'hidden 1024, fp16': await algorithms(bench, HIDDEN_1024, on('fp16', false)),
    },
    sampling: await sampling(bench),
  };
}

/** Uses whole epochs, so that every round of every contender has poems of all lengths. */
function contest(
  bench: GpuBench,
  title: string,
  setting: Setting,
  contenders: readonly Contender[],
): Promise<Contest> {
  const steps = stepsPerEpoch(setting);
  const work = (times: number) => ({ task: 'train', steps: times * steps }) as const;
  return tell(
    bench,
    runContest(bench, { title, unit: 'tokens/s', contenders, work, warmUps: CAPTURE_EPOCHS }),
  );
}

async function tell(bench: GpuBench, running: Promise<Contest>): Promise<Contest> {
  const contest = await running;
  bench.told(contest);
  return contest;
}

function at1024(bench: GpuBench, precision: 'bf16' | 'fp16'): Promise<Contest> {
  const place = on(precision);
  const eager = bench.peers.pytorchOn(place, 'eager');
  return withField({ ...bench, place }, HIDDEN_1024, eager, (all) =>
    contest(bench, `training, hidden 1024, batch 128, ${precision}`, HIDDEN_1024, all),
  );
}

/** By now, every batch shape has its graph. */
async function profile({ show }: Bench, own: Contender): Promise<{ idle: number; captured: number }> {
  show('measuring the utilization of the GPU');
  const steps = PROFILE_EPOCHS * stepsPerEpoch(SEED_SETTING);
  const { seconds, busyMs = 0, captured = 0 } = await own.ask({ task: 'train', steps });
  return { idle: 1 - busyMs / 1000 / seconds, captured: captured / steps };
}

async function lossDifference(bench: Bench): Promise<number> {
  const { threads, show } = bench;
  const onCpu = ours(threads, undefined, 'ours on the CPU');
  return withField({ ...bench, place: on('fp32') }, SEED_SETTING, [onCpu], async (both) => {
    show(`${LOSS_STEPS} steps on the GPU and on the CPU`);
    const runs: (readonly number[])[] = [];
    for (const contender of both)
      runs.push((await contender.ask({ task: 'train', steps: LOSS_STEPS })).losses ?? []);
    const [here = [], there = []] = runs;
    return Math.max(...here.map((loss, step) => Math.abs(loss - (there[step] as number))));
  });
}

/**
 * cuDNN logs the algorithms it is asked to run under these names: docs.nvidia.com/deeplearning/cudnn, "API Logging".
 */
async function algorithms(bench: Bench, setting: Setting, place: Place): Promise<string[]> {
  const log = join(bench.folder, `cudnn-${place.precision}-${setting.sizes.hiddenDim}.log`);
  const env = { CUDNN_LOGLEVEL_DBG: '3', CUDNN_LOGDEST_DBG: log };
  const logged = ours(bench.threads, place, 'ours, logged', env);
  await withField(bench, setting, [logged], ([, contender]) =>
    (contender as Contender).ask({ task: 'train', steps: 2 }),
  );
  if (!existsSync(log)) return [];
  return [...new Set(readFileSync(log, 'utf8').match(/CUDNN_RNN_ALGO_[A-Z_]+/g) ?? [])].sort();
}

/** The library itself chooses the device: for few poems, the CPU (native/sample/generate.cc). */
async function sampling(bench: GpuBench): Promise<Contest[]> {
  const onCpu = ours(bench.threads, undefined, 'ours on the CPU');
  return withField({ ...bench, place: on('tf32') }, SEED_SETTING, [onCpu], async (all) => {
    const contests: Contest[] = [];
    for (const together of TOGETHER) {
      const work = (times: number) =>
        ({
          task: 'sample',
          poems: times * together,
          together,
          length: LENGTH,
          temperature: 1,
        }) as const;
      const title = `sampling, hidden 128, ${together} together`;
      contests.push(
        await tell(bench, runContest(bench, { title, unit: 'characters/s', contenders: all, work })),
      );
    }
    return contests;
  });
}
