import { createHash } from 'node:crypto';
import {
  type CorpusFacts,
  checkFacts,
  type Environment,
  type Progress,
  type RunConfig,
} from '../config/schemas';
import { LineFilter } from '../data/line-filter';
import { Vocab } from '../data/vocab';
import type { TensorData, TensorMap } from '../native/contract';
import { readBytes, writeWhole } from '../util/disk';
import { TangshiError } from '../util/errors';
import { requireObject, requireString, wrongArgument } from '../util/guards';
import { omitUndefined } from '../util/omit-undefined';
import { fromHalf, toHalf } from './float16';
import {
  decodeSafetensors,
  encodeSafetensors,
  isDtype,
  readMetadata,
  type SafetensorsFile,
} from './safetensors';

/** Raise it when older versions cannot read what this one writes. */
const FORMAT_VERSION = 1;

/** Everything needed to resume a training run bitwise identically, or to generate poems with a model. */
export type Checkpoint = Readonly<{
  /** The configuration of the run. */
  config: RunConfig;
  /** The vocabulary of the embedding and the output layer. */
  vocab: Vocab;
  /** The corpus that the model was trained on. */
  corpus: CorpusFacts;
  /** Progress of the run. */
  progress: Progress;
  /** The environment of the run; absent in checkpoints of older versions. */
  environment?: Environment;
  /** The lines of the training poems; absent in checkpoints of older versions. */
  lineFilter?: LineFilter;
  /**
   * Weights, optimizer state and random state, as returned by `TrainingSession.snapshot`. An exported model has only
   * weights.
   */
  tensors: TensorMap;
}>;

/** Name of the tensor that stores the line filter. */
const LINE_FILTER = 'corpus.lines';

/**
 * Atomically writes a `.safetensors` file. Everything but the tensors is JSON in its metadata; a SHA-256 covers both.
 * docs/checkpoint.md describes the format.
 *
 * @param path The file, which is replaced if it exists.
 * @throws ERR_TANGSHI_IO, ERR_TANGSHI_INVALID_ARG
 * @example
 * const { config, vocab, corpus, progress } = await readCheckpoint('runs/mine/last.safetensors');
 * await writeCheckpoint('copy.safetensors', { config, vocab, corpus, progress, tensors: await session.snapshot() });
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  requireString(path, 'path');
  requireCheckpoint(checkpoint);
  await writeWhole(path, encodeCheckpoint(checkpoint));
}

/**
 * Writes a small model for generating poems: without optimizer and random state, with weights in half precision. Its
 * size is a quarter to a sixth of the checkpoint's.
 *
 * @param path The file, which is replaced if it exists.
 * @throws ERR_TANGSHI_IO, ERR_TANGSHI_INVALID_ARG
 * @example
 * await writeModel('湖.safetensors', await readCheckpoint('runs/mine/best.safetensors'));
 */
export async function writeModel(path: string, checkpoint: Checkpoint): Promise<void> {
  requireString(path, 'path');
  requireCheckpoint(checkpoint);
  const weights = mapTensors(weightsOf(checkpoint.tensors), toHalfPrecision);
  await writeWhole(path, encode(checkpoint, weights));
}

/** The bytes of a checkpoint file, in pieces. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array[] {
  return encode(checkpoint, checkpoint.tensors);
}

function requireCheckpoint(checkpoint: Checkpoint): void {
  requireObject(checkpoint, 'checkpoint');
  checkFacts(checkpoint);
  const { vocab, lineFilter, tensors } = checkpoint;
  if (!(vocab instanceof Vocab)) throw wrongArgument('a Vocab', 'vocab', vocab);
  if (lineFilter !== undefined && !(lineFilter instanceof LineFilter))
    throw wrongArgument('a LineFilter', 'lineFilter', lineFilter);
  requireObject(tensors, 'tensors');
  for (const [name, tensor] of Object.entries(tensors)) {
    const { dtype, shape, data } = Object(tensor) as TensorData;
    if (!isDtype(dtype) || !Array.isArray(shape) || !(data instanceof Uint8Array))
      throw wrongArgument('a tensor with dtype, shape and data', `tensors[${JSON.stringify(name)}]`, tensor);
  }
}

function encode(checkpoint: Checkpoint, weights: TensorMap): Uint8Array[] {
  const { config, vocab, corpus, progress, environment, lineFilter } = checkpoint;
  const facts = omitUndefined({ config, vocab, corpus, progress, environment });
  const metadata: Record<string, string> = { format: 'tangshi', version: String(FORMAT_VERSION) };
  for (const [key, value] of Object.entries(facts)) metadata[key] = JSON.stringify(value);
  const tensors = lineFilter ? { ...weights, [LINE_FILTER]: toTensor(lineFilter) } : weights;
  metadata.checksum = checksum(metadata, tensors);
  return encodeSafetensors({ tensors, metadata });
}

/**
 * Reads a checkpoint and validates all of it. Weights in half precision are converted to single precision.
 *
 * @param path A file written by `writeCheckpoint` or `writeModel`.
 * @throws ERR_TANGSHI_IO if it cannot be read. ERR_TANGSHI_CHECKPOINT if it is damaged, of a later version, or not a
 * checkpoint of this package.
 * @example
 * const { config, progress, vocab } = await readCheckpoint('runs/mine/best.safetensors');
 * console.log(config.cell, progress.step, vocab.size);
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await readBytes(path), path);
}

/**
 * The same for the bytes of a file. Tensors are views of the bytes.
 *
 * @param where Names the file in errors.
 * @throws ERR_TANGSHI_CHECKPOINT
 */
export function decodeCheckpoint(bytes: Uint8Array, where: string): Checkpoint {
  const checkpoint = decodeStoredCheckpoint(bytes, where);
  return { ...checkpoint, tensors: mapTensors(checkpoint.tensors, toSinglePrecision) };
}

/** The same, keeping weights in half precision: an `InferenceSession` accepts both. */
export function decodeStoredCheckpoint(bytes: Uint8Array, where: string): Checkpoint {
  return toCheckpoint(where, decodeSafetensors(bytes, where));
}

/** The progress of the run that wrote a checkpoint, from its header alone; undefined if that cannot be read. */
export async function readProgress(path: string): Promise<Progress | undefined> {
  try {
    const { progress } = await readMetadata(path);
    return JSON.parse(progress ?? '');
  } catch {
    return undefined;
  }
}

function toCheckpoint(where: string, { tensors, metadata }: SafetensorsFile): Checkpoint {
  if (metadata.format !== 'tangshi') {
    throw new TangshiError(
      'ERR_TANGSHI_CHECKPOINT',
      `${where} is a safetensors file, but not a checkpoint of tangshi: to train from its weights, use init`,
      { option: 'init' },
    );
  }
  if (metadata.version !== String(FORMAT_VERSION)) {
    throw new TangshiError(
      'ERR_TANGSHI_CHECKPOINT',
      `${where} has format version ${metadata.version}, but this version of tangshi reads ${FORMAT_VERSION}: update tangshi`,
    );
  }
  const { checksum: expected, ...rest } = metadata;
  if (checksum(rest, tensors) !== expected) throw damaged(where, 'its checksum does not match');
  const [config, corpus, progress, vocab] = ['config', 'corpus', 'progress', 'vocab'].map((key) =>
    parse(where, metadata, key),
  );
  const environment = metadata.environment === undefined ? undefined : parse(where, metadata, 'environment');
  const facts = checkFacts({ config, corpus, progress, environment }, where);
  const { [LINE_FILTER]: lines, ...weights } = tensors;
  return omitUndefined({
    ...facts,
    vocab: Vocab.fromJSON(vocab),
    lineFilter: lines && toLineFilter(where, lines),
    tensors: weights,
  });
}

function toTensor({ bytes }: LineFilter): TensorData {
  return { dtype: 'U8', shape: [bytes.length], data: bytes };
}

function toLineFilter(where: string, { dtype, data }: TensorData): LineFilter {
  if (dtype === 'U8' && data.length > 0) return new LineFilter(data.slice()); // not a view, which would keep the whole file in memory
  throw damaged(where, `${LINE_FILTER} is not an array of bytes`);
}

function toSinglePrecision({ dtype, shape, data }: TensorData): TensorData {
  return dtype === 'F16' ? { dtype: 'F32', shape, data: fromHalf(data) } : { dtype, shape, data };
}

function toHalfPrecision({ dtype, shape, data }: TensorData): TensorData {
  return dtype === 'F32' ? { dtype: 'F16', shape, data: toHalf(data) } : { dtype, shape, data };
}

function mapTensors<A, B>(tensors: Readonly<Record<string, A>>, to: (tensor: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, to(tensor)]));
}

/**
 * The weights of any safetensors file: a checkpoint, with the vocabulary its ids belong to, or a file written by
 * Python. Leaves out tensors named `optim.*`, `rng.*` and `corpus.*`, and the prefixes `module.` and `_orig_mod.`.
 *
 * @throws ERR_TANGSHI_IO if it cannot be read. ERR_TANGSHI_CHECKPOINT if it is damaged, or has a tensor of a type other
 * than F32, F16, I64 and U8.
 * @example
 * await session.restore((await readWeights('from-python.safetensors')).tensors);
 */
export async function readWeights(
  path: string,
): Promise<Pick<Checkpoint, 'tensors'> & Partial<Pick<Checkpoint, 'vocab' | 'corpus'>>> {
  const file = decodeSafetensors(await readBytes(path), path);
  if (file.metadata.format !== 'tangshi')
    return { tensors: weightsOf(withoutWrappers(mapTensors(file.tensors, toSinglePrecision))) };
  const { tensors, vocab, corpus } = toCheckpoint(path, file);
  return { tensors: weightsOf(mapTensors(tensors, toSinglePrecision)), vocab, corpus };
}

/** DataParallel and torch.compile add a prefix to the names. */
function withoutWrappers(tensors: TensorMap): TensorMap {
  const entries = Object.entries(tensors);
  return Object.fromEntries(
    entries.map(([name, tensor]) => [name.replace(/^(module\.|_orig_mod\.)+/, ''), tensor]),
  );
}

/** The tensors of the network. @throws ERR_TANGSHI_INVALID_ARG */
export function weightsOf(tensors: TensorMap): TensorMap {
  requireObject(tensors, 'tensors');
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !/^(optim|rng|corpus)\./.test(name)));
}

function parse(where: string, metadata: Readonly<Record<string, string>>, key: string): unknown {
  try {
    return JSON.parse(metadata[key] ?? '');
  } catch {
    throw damaged(where, `its ${key} is not JSON`);
  }
}

/** SHA-256 over names, types, shapes and bytes of all tensors and the metadata, sorted by name. */
export function checksum(metadata: Readonly<Record<string, string>>, tensors: TensorMap): string {
  const hash = createHash('sha256');
  for (const key of Object.keys(metadata).sort()) hash.update(JSON.stringify([key, metadata[key]]));
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, shape, data } = tensors[name] as TensorData;
    hash.update(JSON.stringify([name, dtype, shape, data.byteLength])).update(data);
  }
  return hash.digest('hex');
}

function damaged(where: string, reason: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_CHECKPOINT', `${where} is damaged: ${reason}`);
}
