import {
  type CorpusFacts,
  checkOptions,
  type Environment,
  type Progress,
  type RunConfig,
} from '../config/schemas';
import { type Batcher, bucketedBatcher, classicBatcher } from '../data/batcher';
import { type Dataset, loadDataset } from '../data/dataset';
import { modelConfig } from '../model/network';
import type { Device, FileLock } from '../native/contract';
import { resolveDevice, unusedGpu } from '../native/device';
import { TrainingSession } from '../native/training-session';
import { TangshiError, throwIfAborted } from '../util/errors';
import { omitUndefined } from '../util/omit-undefined';
import { changesSince, currentEnvironment } from './environment';
import { type InitialState, newState, resumedState } from './initial-state';
import { MetricsFile } from './metrics-file';
import { makeRunFolder, requireNoRun, runFiles, writeRunConfig } from './run-folder';
import { lockRun } from './run-lock';
import type { TrainOptions } from './train-options';

const LOG_EVERY = 50;
const KEEP = 2;

/** A run in progress. */
export type Run = {
  folder: string;
  files: ReturnType<typeof runFiles>;
  config: RunConfig;
  dataset: Dataset;
  /** The corpora that given weights were trained on. */
  before: CorpusFacts['before'];
  batcher: Batcher;
  totalSteps: number;
  session: TrainingSession;
  device: Device;
  environment: Environment;
  progress: Progress;
  /** Step of `last.safetensors`; undefined before the first save. */
  savedStep: number | undefined;
  metrics: MetricsFile;
  /** Changes in the environment since the run stopped. */
  notices: readonly string[];
  /** Highest number of steps on a GPU before their losses are read. */
  logEvery: number;
  keep: number;
  skipNonfinite: boolean;
  skippedInARow: number;
  signal: AbortSignal | undefined;
  /** Unlocks the run folder. */
  unlock(): void;
};

/** Starts or resumes a run: reads, checks and builds everything that training needs. */
export async function openRun(options: TrainOptions): Promise<Run> {
  checkOptions('train', options);
  throwIfAborted(options.signal);
  const device = await resolveDevice(options.device ?? 'auto');
  const lock = new RunLock();
  try {
    const state = options.resume
      ? await resumedState(options, device, () => lock.take(options.out))
      : await newState(options);
    return await open(state, options, device, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function open(state: InitialState, options: TrainOptions, device: Device, lock: RunLock): Promise<Run> {
  const { progress } = state;
  const environment = currentEnvironment(device);
  const changes = changesSince(state.environment, environment);
  const dataset = await loadRunDataset(state, options);
  const config = withoutUnknownTitles(state, dataset);
  const titles =
    config.titles === state.config.titles
      ? []
      : ['titles are not learned: the vocabulary of the given weights has no tokens for them'];
  const notices = [...state.notices, ...changes, ...titles, ...(await deviceNotices(options))];
  const batcher = makeBatcher(dataset, config);
  batcher.seek(progress.cursor);
  const session = await openSession(config, dataset, device, options);
  try {
    await restore(session, state);
    throwIfAborted(options.signal); // before anything is written
    if (!options.resume) await takeFolder(options.out, lock);
    await writeRunConfig(options.out, config);
    const files = runFiles(options.out);
    return {
      folder: options.out,
      files,
      config,
      dataset,
      before: state.before,
      batcher,
      totalSteps: config.epochs * batcher.stepsPerEpoch,
      session,
      device,
      environment,
      progress,
      savedStep: state.fingerprint === undefined ? undefined : progress.step,
      metrics: await MetricsFile.open(files.metrics, progress.step),
      notices,
      logEvery: options.logEvery ?? LOG_EVERY,
      keep: config.keep ?? KEEP,
      skipNonfinite: options.skipNonfinite ?? false,
      skippedInARow: 0,
      signal: options.signal,
      unlock: () => lock.release(),
    };
  } catch (error) {
    await session.dispose();
    throw error;
  }
}

/** The configuration as it can be: given weights may come with a vocabulary without control tokens. */
function withoutUnknownTitles({ config, vocab }: InitialState, { trainPrefaces }: Dataset): RunConfig {
  const ignored = config.titles && vocab !== undefined && trainPrefaces === undefined;
  return ignored ? { ...config, titles: false } : config;
}

/** The lock of a run folder, once it is taken. */
class RunLock {
  #lock: FileLock | undefined;

  take(folder: string): void {
    this.#lock = lockRun(folder);
  }

  release(): void {
    this.#lock?.release();
  }
}

/** Creates the folder of a new run. Another process may have created it in the meantime. */
async function takeFolder(folder: string, lock: RunLock): Promise<void> {
  await makeRunFolder(folder);
  lock.take(folder);
  requireNoRun(folder);
}

async function deviceNotices({ device: request = 'auto' }: TrainOptions): Promise<string[]> {
  const unused = request === 'auto' ? await unusedGpu() : undefined;
  return unused === undefined ? [] : [unused];
}

async function openSession(
  config: RunConfig,
  { vocab }: Dataset,
  device: Device,
  { graph }: TrainOptions,
): Promise<TrainingSession> {
  const { optimizer, seed, threads, precision } = config;
  const model = modelConfig(config, vocab.size);
  const all = { model, optimizer, device, seed: BigInt(seed), threads, precision };
  return TrainingSession.open(omitUndefined({ ...all, graph })).catch((error: unknown) => {
    if (device !== 'cpu' || !(error instanceof TangshiError) || error.code !== 'ERR_TANGSHI_DEVICE')
      throw error;
    throw new TangshiError(error.code, `${error.message}: use precision fp32`, {
      option: 'precision',
      cause: error,
    });
  });
}

/** Given weights come with their vocabulary: the ids of the embedding belong to it. */
async function loadRunDataset(
  { config, vocab, fingerprint, environment }: InitialState,
  { texts, out, signal, resume }: TrainOptions,
): Promise<Dataset> {
  // Classic batches have nothing before a poem.
  const titles = config.titles && config.batching !== 'classic';
  const dataset = await loadDataset({ ...config, titles, data: texts ?? config.data, vocab, signal }).catch(
    (error: unknown) => {
      throw resume ? withMoved(error) : error;
    },
  );
  if (fingerprint === undefined || fingerprint === dataset.fingerprint) return dataset;
  const { unicode } = process.versions;
  const cleanedAnew =
    environment && environment.unicode !== unicode
      ? `, or Node ${process.version} cleans it otherwise, as it has Unicode ${unicode} instead of ${environment.unicode}`
      : '';
  const corpora = [config.data, ...(config.extra ?? [])].join(' + ');
  throw new TangshiError(
    'ERR_TANGSHI_RUN',
    `The corpus ${corpora} is not the one that the run in ${out} was trained on${cleanedAnew}: ` +
      'restore it, or start a new run from its weights with init',
    { option: 'init' },
  );
}

/** Adds to an error about the corpus of a resumed run how to fix it. */
function withMoved(error: unknown): unknown {
  if (!(error instanceof TangshiError) || error.code !== 'ERR_TANGSHI_CORPUS') return error;
  const message = `${error.message.replace(/\.$/, '')}. If the corpus was moved, set data to its new path`;
  return new TangshiError(error.code, message, { option: 'data', cause: error });
}

function makeBatcher({ train, trainPrefaces: prefaces }: Dataset, config: RunConfig): Batcher {
  const { batching, batch, seed } = config;
  if (batching === 'classic') return classicBatcher(train, batch);
  return bucketedBatcher(train, omitUndefined({ batch, seed, prefaces }));
}

async function restore(session: TrainingSession, { tensors, source }: InitialState): Promise<void> {
  if (!tensors) return;
  try {
    await session.restore(tensors);
  } catch (error) {
    throw new TangshiError(
      'ERR_TANGSHI_CHECKPOINT',
      `${source} does not match the model (${(error as Error).message}): use the cell and sizes that it was made with`,
      { cause: error },
    );
  }
}
