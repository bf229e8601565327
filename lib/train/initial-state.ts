import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { presetConfig } from '../config/presets';
import {
  type CorpusFacts,
  checkConfig,
  type Environment,
  type Progress,
  type RunConfig,
} from '../config/schemas';
import { isBuiltinCorpus } from '../data/corpus-recipes';
import { TEXTS } from '../data/poems';
import type { Vocab } from '../data/vocab';
import { readWeights } from '../model/checkpoint';
import type { Device, TensorMap } from '../native/contract';
import { TangshiError } from '../util/errors';
import { omitUndefined } from '../util/omit-undefined';
import { precisionOn } from './environment';
import { newestWhole, type ResumePoint } from './retention';
import { readRunConfig, requireNoRun, requireRun, runFiles } from './run-folder';
import type { TrainOptions } from './train-options';

/** The state that a run starts from: random weights, given weights or a checkpoint. */
export type InitialState = Readonly<{
  config: RunConfig;
  progress: Progress;
  /** Changes in the environment since the run stopped. */
  notices: readonly string[];
  /** The weights, possibly with optimizer state and random state. Absent: random weights. */
  tensors?: TensorMap;
  /** File with the tensors. */
  source?: string;
  vocab?: Vocab;
  /** Fingerprint that the corpus must have; absent unless resumed from a checkpoint. */
  fingerprint?: string;
  /** The corpora that the given weights were trained on. */
  before?: CorpusFacts['before'];
  /** The environment of the run before it stopped. */
  environment?: Environment;
}>;

/**
 * The state of a new run.
 *
 * @throws ERR_TANGSHI_RUN if the folder contains a run. ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_IO, ERR_TANGSHI_CHECKPOINT
 */
export async function newState(options: TrainOptions): Promise<InitialState> {
  const { preset = 'default', config: changes = {}, texts, out, init } = options;
  if (texts && changes.data !== undefined) throw invalid('Set either texts or data', 'data');
  const config = checkConfig({ ...presetConfig(preset), ...omitUndefined(changes) });
  requireNoRun(out);
  const weights = init === undefined ? {} : await initialWeights(init, options.skipNonfinite);
  // A resume may run in another working directory.
  const data = texts ? TEXTS : toAbsolute(config.data);
  const extra = config.extra?.map(toAbsolute);
  const progress = initialProgress();
  const keep = options.keep ?? config.keep;
  return { config: omitUndefined({ ...config, data, extra, keep }), progress, notices: [], ...weights };
}

async function initialWeights(source: string, nonfinite = false): Promise<Partial<InitialState>> {
  const { tensors, vocab, corpus } = await readWeights(source);
  if (!nonfinite) requireFinite(tensors, source);
  if (!corpus) return { source, tensors };
  const { before = [], ...last } = corpus;
  return { source, tensors, vocab, before: [...before, last] };
}

/** A loss with such a weight is NaN, which ends the run unless steps may be skipped. */
function requireFinite(tensors: TensorMap, source: string): void {
  for (const [name, { dtype, data }] of Object.entries(tensors)) {
    if (dtype !== 'F32') continue;
    const values = new Float32Array(data.slice().buffer);
    if (values.every(Number.isFinite)) continue;
    throw new TangshiError(
      'ERR_TANGSHI_CHECKPOINT',
      `${source} has a value in ${name} that is NaN or infinite`,
    );
  }
}

function toAbsolute(corpus: string): string {
  return isBuiltinCorpus(corpus) ? corpus : resolve(corpus);
}

/**
 * The state of the run in a folder.
 *
 * @param device On which it continues.
 * @param lock Called before the folder is read.
 * @throws ERR_TANGSHI_RUN if the folder contains no run, or the options differ from it. ERR_TANGSHI_INVALID_ARG,
 * ERR_TANGSHI_IO, ERR_TANGSHI_CHECKPOINT
 */
export async function resumedState(
  options: TrainOptions,
  device: Device,
  lock: () => void,
): Promise<InitialState> {
  const { out, init, preset, config: changes = {} } = options;
  if (init !== undefined) throw invalid('A resumed run has weights: omit init', 'init');
  requireRun(out);
  lock();
  const point = await newestWhole(out);
  const before = point?.checkpoint.config ?? (await readRunConfig(out));
  const { threads, epochs, precision, data, extra, keep: inConfig, ...others } = omitUndefined(changes);
  const keep = options.keep ?? inConfig;
  requireUnchanged(before, omitUndefined({ ...others, preset }), out);
  requireSameSource(before, options);
  // A corpus may have been moved: its fingerprint tells whether it is the same.
  const paths = { data: data && toAbsolute(data), extra: extra?.map(toAbsolute) };
  const config = checkConfig({ ...before, ...omitUndefined({ threads, epochs, precision, keep, ...paths }) });
  return point ? stateAt(point, config, device, out) : restarted(config);
}

function restarted(config: RunConfig): InitialState {
  const notices = ['the run had not saved a checkpoint yet: it starts again'];
  return { config, progress: initialProgress(), notices };
}

function stateAt(
  { checkpoint, notice }: ResumePoint,
  config: RunConfig,
  device: Device,
  out: string,
): InitialState {
  const { tensors, vocab, corpus, environment } = checkpoint;
  const differences = differencesOf(checkpoint.config, config, device);
  return {
    config,
    progress: structuredClone(checkpoint.progress),
    notices: notice === undefined ? differences : [notice, ...differences],
    tensors,
    source: runFiles(out).last,
    vocab,
    fingerprint: corpus.fingerprint,
    before: corpus.before,
    environment,
  };
}

function differencesOf(before: RunConfig, now: RunConfig, device: Device): string[] {
  const notices: string[] = [];
  if (now.epochs !== before.epochs && now.schedule !== 'constant') {
    notices.push(
      `${now.epochs} epochs instead of ${before.epochs}: the learning rate now follows the new length`,
    );
  }
  const [old, precision] = [precisionOn(device, before), precisionOn(device, now)];
  if (precision !== old)
    notices.push(`${precision} instead of ${old}: the run is no longer bit-equal to an unbroken one`);
  return notices;
}

function requireUnchanged(before: RunConfig, changes: Partial<RunConfig>, out: string): void {
  for (const [key, value] of Object.entries(changes)) {
    const old = before[key as keyof RunConfig];
    if (isDeepStrictEqual(old, value)) continue;
    throw new TangshiError(
      'ERR_TANGSHI_RUN',
      `The run in ${out} has ${key} ${JSON.stringify(old)}, and cannot be resumed with ${JSON.stringify(value)}: ` +
        `omit ${key}, or start a new run`,
      { option: key },
    );
  }
}

/** A run on texts needs them again; their content is checked by the fingerprint. */
function requireSameSource({ data }: RunConfig, { texts, out, config: changes = {} }: TrainOptions): void {
  if (texts && changes.data !== undefined) throw invalid('Set either texts or data', 'data');
  if ((data === TEXTS) === (texts !== undefined)) return;
  const message =
    texts === undefined
      ? `The run in ${out} was trained on texts: pass the same texts to resume it`
      : `The run in ${out} was trained on ${data}: omit texts to resume it`;
  throw new TangshiError('ERR_TANGSHI_RUN', message, { option: 'texts' });
}

function initialProgress(): Progress {
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

function invalid(message: string, option: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
}
