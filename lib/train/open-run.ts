import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Preset, presetConfig } from '../config/presets';
import {
  type CorpusFacts,
  checkConfig,
  checkOptions,
  type Progress,
  type RunConfig,
} from '../config/schemas';
import { type Batcher, bucketedBatcher, classicBatcher } from '../data/batcher';
import { isBuiltin } from '../data/corpus-recipes';
import { type Dataset, loadDataset } from '../data/dataset';
import type { Vocab } from '../data/vocab';
import { readWeights } from '../model/checkpoint';
import { modelConfig } from '../model/model';
import type { Device, FileLock, TensorMap } from '../native/contract';
import { type DeviceRequest, resolveDevice, Session, unusedGpu } from '../native/session';
import { TangshiError } from '../util/errors';
import { defined } from '../util/omit-undefined';
import { commandLine } from '../util/package-root';
import { newestWhole } from './retention';
import {
  Metrics,
  makeRunFolder,
  newestRun,
  newRunFolder,
  RUNS,
  readRunConfig,
  refuseExistingRun,
  requireRun,
  runFiles,
  writeRunConfig,
} from './run-folder';
import { lockRun } from './run-lock';

const LOG_EVERY = 50;
const KEEP = 2;

/** What to train, where, and when to stop. */
export type TrainOptions = Readonly<{
  /** What the configuration is made from; default: `default`. */
  preset?: Preset;
  /** What differs from the preset. When resuming, only `epochs` and `threads` may. */
  config?: Partial<Omit<RunConfig, 'preset'>>;
  /** The run folder; default: a new one under `runs/`, when resuming the newest there. */
  out?: string;
  /** Go on with the run in `out`. */
  resume?: boolean;
  /** A safetensors file whose weights a new run starts from. */
  init?: string;
  /** Default: `auto`, the first GPU that can be used, else the CPU. */
  device?: DeviceRequest;
  /** On a GPU, whether steps are captured as graphs and launched as a whole; default: true. */
  graph?: boolean;
  /** Stop after this time of this sitting, in minutes. */
  minutes?: number;
  /** Stop when the run has done this many steps. */
  maxSteps?: number;
  /** Steps between checkpoints; default: 100. */
  saveEvery?: number;
  /** How many of the last checkpoints are kept, beside the best; default: 2. */
  keep?: number;
  /** Skip steps whose loss or gradient is not finite instead of ending the run: they change nothing. */
  skipNonfinite?: boolean;
  /** On a GPU, how many steps at most are done before their losses are read; default: 50. */
  logEvery?: number;
  /** Abort to stop after the step in progress, with a checkpoint. */
  signal?: AbortSignal;
}>;

/** A training in progress. */
export type Run = {
  folder: string;
  files: ReturnType<typeof runFiles>;
  config: RunConfig;
  dataset: Dataset;
  /** What given weights had learned from. */
  before: CorpusFacts['before'];
  batcher: Batcher;
  totalSteps: number;
  session: Session;
  device: Device;
  progress: Progress;
  /** Step of `last.safetensors`; undefined before the first save. */
  savedStep: number | undefined;
  metrics: Metrics;
  /** What is not as it was when the run stopped. */
  notices: readonly string[];
  /** Steps whose losses a GPU is asked for at once. */
  logEvery: number;
  keep: number;
  skipNonfinite: boolean;
  skippedInARow: number;
  signal: AbortSignal | undefined;
  /** Lets the run folder go. */
  unlock(): void;
};

/** Where a run takes up: at the beginning, from given weights, or from a checkpoint. */
type Start = {
  folder: string;
  config: RunConfig;
  progress: Progress;
  notices: string[];
  /** File of the tensors. */
  source?: string;
  tensors?: TensorMap;
  vocab?: Vocab;
  /** Of the corpus that must still be there. */
  fingerprint?: string;
  before?: CorpusFacts['before'];
};

/** Begins a new run, or goes on with one: reads, checks and builds all that a training needs. */
export async function startRun(options: TrainOptions): Promise<Run> {
  checkOptions('train', options);
  const { logEvery = LOG_EVERY, keep = KEEP } = options;
  const device = await resolveDevice(options.device ?? 'auto');
  const locks = new RunLocks();
  try {
    const start = options.resume ? await resumed(options, locks) : await fresh(options);
    return await open(start, { ...options, logEvery, keep }, device, locks);
  } catch (error) {
    locks.release();
    throw error;
  }
}

async function open(
  start: Start,
  options: TrainOptions & { logEvery: number; keep: number },
  device: Device,
  locks: RunLocks,
): Promise<Run> {
  const { logEvery, keep, skipNonfinite = false, signal } = options;
  const { config, folder, progress } = start;
  const notices = [...start.notices, ...(await deviceNotices(options, config, device))];
  const dataset = await loadRunDataset(start, signal);
  const batcher = makeBatcher(dataset, config);
  batcher.seek(progress.cursor);

  const session = await Session.open({
    model: modelConfig(config, dataset.vocab.size),
    optimizer: config.optimizer,
    device,
    seed: BigInt(config.seed),
    threads: config.threads,
    gpu: { precision: config.precision, graph: options.graph ?? true },
  });
  try {
    await restore(session, start);
    if (!options.resume) await takeFolder(folder, locks);
    await writeRunConfig(folder, config);
    const files = runFiles(folder);
    const metrics = await Metrics.open(files.metrics, progress.step);
    const totalSteps = config.epochs * batcher.stepsPerEpoch;
    const savedStep = start.fingerprint === undefined ? undefined : progress.step;
    const wishes = { logEvery, keep, skipNonfinite, skippedInARow: 0, signal };
    const { before } = start;
    const setting = { folder, files, config, dataset, before, batcher, totalSteps, device, ...wishes };
    return {
      ...{ ...setting, session, progress, savedStep, metrics, notices },
      unlock: () => locks.release(),
    };
  } catch (error) {
    await session.dispose();
    throw error;
  }
}

/** The lock of the one folder that a training works in, once it has it. */
class RunLocks {
  #lock: FileLock | undefined;

  take(folder: string): void {
    this.#lock = lockRun(folder);
  }

  release(): void {
    this.#lock?.release();
  }
}

/** Makes the folder of a new run, in which nobody was quicker. */
async function takeFolder(folder: string, locks: RunLocks): Promise<void> {
  await makeRunFolder(folder);
  locks.take(folder);
  refuseExistingRun(folder);
}

async function deviceNotices(
  { device: request = 'auto' }: TrainOptions,
  config: RunConfig,
  device: Device,
): Promise<string[]> {
  const unused = request === 'auto' ? await unusedGpu() : undefined;
  const ignored =
    device === 'cpu' && is16Bits(config)
      ? `${config.precision} is for a GPU: the CPU computes in fp32`
      : undefined;
  return [unused, ignored].filter((notice) => notice !== undefined);
}

function is16Bits({ precision }: RunConfig): boolean {
  return precision === 'bf16' || precision === 'fp16';
}

async function fresh({ preset = 'default', config: changes = {}, out, init }: TrainOptions): Promise<Start> {
  const config = checkConfig({ ...presetConfig(preset), ...defined(changes) });
  // The run folder may be used from elsewhere: a path in it must not depend on where one stands.
  const data = place(config.data);
  const extra = config.extra && { extra: config.extra.map(place) };
  const folder = out ?? newRunFolder(config);
  refuseExistingRun(folder);
  const weights = init === undefined ? {} : await initial(init);
  return { folder, config: { ...config, data, ...extra }, progress: beginning(), notices: [], ...weights };
}

async function initial(source: string): Promise<Pick<Start, 'source' | 'tensors' | 'vocab' | 'before'>> {
  const { tensors, vocab, corpus } = await readWeights(source);
  if (!corpus) return { source, tensors };
  const { before = [], ...last } = corpus;
  return { source, tensors, vocab, before: [...before, last] };
}

function place(corpus: string): string {
  return isBuiltin(corpus) ? corpus : resolve(corpus);
}

async function resumed(
  { out, init, preset, config: changes = {} }: TrainOptions,
  locks: RunLocks,
): Promise<Start> {
  if (init !== undefined) throw new TangshiError('EARG', 'A run that goes on has weights: leave --init away');
  const folder = out ?? (await newestRun(['last', 'config']));
  if (folder === undefined) {
    throw new TangshiError(
      'ERUN',
      `There is no run under ${RUNS}/ to go on with: start one with ${commandLine('train')}`,
    );
  }
  requireRun(folder);
  locks.take(folder);
  const whole = await newestWhole(folder);
  const before = whole?.checkpoint.config ?? (await readRunConfig(folder));
  const { threads = before.threads, epochs = before.epochs, ...others } = defined(changes);
  checkUnchanged(before, defined({ ...others, preset }), folder);
  const config = checkConfig({ ...before, threads, epochs });
  if (!whole) {
    const notices = ['the run had not come to its first checkpoint: it begins again'];
    return { folder, config, progress: beginning(), notices };
  }
  const { tensors, vocab, corpus } = whole.checkpoint;
  const progress = structuredClone(whole.checkpoint.progress);
  const { fingerprint, before: learned } = corpus;
  const facts = { tensors, vocab, fingerprint, before: learned, source: runFiles(folder).last };
  const notices = [...(whole.notice ? [whole.notice] : []), ...differences(before, config)];
  return { folder, config, progress, notices, ...facts };
}

function differences(before: RunConfig, { threads, epochs, schedule }: RunConfig): string[] {
  const notices: string[] = [];
  if (threads !== before.threads) {
    notices.push(
      `${threads} threads instead of ${before.threads}: from here on not bit-equal to an unbroken run`,
    );
  }
  if (epochs !== before.epochs && schedule !== 'constant') {
    notices.push(
      `${epochs} epochs instead of ${before.epochs}: the learning rate now follows the new length`,
    );
  }
  return notices;
}

function checkUnchanged(before: RunConfig, changes: Partial<RunConfig>, folder: string): void {
  for (const [key, value] of Object.entries(changes)) {
    const old = before[key as keyof RunConfig];
    const same =
      isDeepStrictEqual(old, value) ||
      (key === 'data' && typeof value === 'string' && old === resolve(value)) ||
      (key === 'extra' && Array.isArray(value) && isDeepStrictEqual(old, value.map(place)));
    if (!same) {
      throw new TangshiError(
        'ERUN',
        `The run in ${folder} has ${key} ${JSON.stringify(old)}, which ${JSON.stringify(value)} cannot replace: ` +
          'leave it away, or start a new run',
      );
    }
  }
}

function beginning(): Progress {
  return {
    step: 0,
    cursor: { epoch: 0, step: 0 },
    epochsEnded: 0,
    epochLoss: 0,
    epochSteps: 0,
    skipped: 0,
    smoothedLoss: null,
    best: null,
    seconds: 0,
  };
}

/** Given weights bring their vocabulary: their ids mean characters of it. */
async function loadRunDataset(
  { config, folder, vocab, fingerprint }: Start,
  signal: AbortSignal | undefined,
): Promise<Dataset> {
  const dataset = await loadDataset({ ...config, vocab, signal });
  if (fingerprint !== undefined && fingerprint !== dataset.fingerprint) {
    throw new TangshiError(
      'ERUN',
      `The corpus ${config.data} is not the one that the run in ${folder} learned from: ` +
        'bring the old one back, or start a new run from its weights with --init',
    );
  }
  return dataset;
}

function makeBatcher({ train }: Dataset, config: RunConfig): Batcher {
  return config.batching === 'classic' ? classicBatcher(train, config.batch) : bucketedBatcher(train, config);
}

async function restore(session: Session, { tensors, source }: Start): Promise<void> {
  if (!tensors) return;
  try {
    await session.restore(tensors);
  } catch (error) {
    throw new TangshiError(
      'ECHECKPOINT',
      `${source} does not fit the model: ${(error as Error).message}: give the cell, sizes and corpus it was made with`,
      { cause: error },
    );
  }
}
