import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type CorpusFacts, checkFacts, type Progress, type RunConfig } from '../config/schemas';
import { LineSet } from '../data/line-filter';
import { Vocab } from '../data/vocab';
import type { TensorData, TensorMap } from '../native/contract';
import { diskError, writeWhole } from '../util/disk';
import { TangshiError } from '../util/errors';
import { fromHalf, toHalf } from './float16';
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
  type StoredTensor,
  type StoredTensors,
} from './safetensors';

/** Raised when older programs could not read what is written. */
const FORMAT_VERSION = 1;

/** A training, whole: what it takes to go on as if it had never stopped, or to write poems. */
export type Checkpoint = Readonly<{
  /** The configuration that the run has now. */
  config: RunConfig;
  /** Whose ids the embedding and the output layer belong to. */
  vocab: Vocab;
  /** What the model learned from. */
  corpus: CorpusFacts;
  /** How far the run has come. */
  progress: Progress;
  /** Lines of the training poems; absent in checkpoints that older programs wrote. */
  lines?: LineSet;
  /** Weights, optimizer and generator: what `Session.snapshot` gave. A small model has weights alone. */
  tensors: TensorMap;
}>;

/** The name of `lines` among the tensors. */
const LINES = 'corpus.lines';

/**
 * Writes a `.safetensors` file that is there whole or not at all. Everything but the tensors stands as JSON in its
 * metadata; a SHA-256 covers both. docs/checkpoint.md has the format.
 *
 * @param path Of the file, which is replaced when it is there.
 * @throws EIO
 * @example
 * const { config, vocab, corpus, progress } = await readCheckpoint('runs/mine/last.safetensors');
 * await writeCheckpoint('kept.safetensors', { config, vocab, corpus, progress, tensors: await session.snapshot() });
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  await write(path, checkpoint, checkpoint.tensors);
}

/**
 * The same for a model that is to write poems and not to train on: without the optimizer and the generator, its weights
 * in half precision. A quarter to a sixth of the checkpoint.
 *
 * @param path Of the file, which is replaced when it is there.
 * @throws EIO
 * @example
 * await writeModel('湖.safetensors', await readCheckpoint('runs/mine/best.safetensors'));
 */
export async function writeModel(path: string, checkpoint: Checkpoint): Promise<void> {
  await write(path, checkpoint, mapTensors(weightsOf(checkpoint.tensors), narrowed));
}

async function write(path: string, checkpoint: Checkpoint, weights: StoredTensors): Promise<void> {
  const { config, vocab, corpus, progress, lines } = checkpoint;
  const facts = { config, vocab, corpus, progress };
  const metadata: Record<string, string> = { format: 'tangshi', version: String(FORMAT_VERSION) };
  for (const [key, value] of Object.entries(facts)) metadata[key] = JSON.stringify(value);
  const tensors = lines ? { ...weights, [LINES]: fromLines(lines) } : weights;
  metadata.checksum = checksum(metadata, tensors);
  await writeWhole(path, encodeSafetensors({ tensors, metadata }));
}

/**
 * Reads and checks everything, and returns only what is whole. Weights in half precision come out in single precision.
 *
 * @param path Of a file that `writeCheckpoint` or `writeModel` wrote.
 * @throws EIO when it cannot be read. ECHECKPOINT when it is damaged, of a later version, or not made here.
 * @example
 * const { config, progress, vocab } = await readCheckpoint('runs/mine/best.safetensors');
 * console.log(config.cell, progress.step, vocab.size);
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await readBytes(path), path);
}

/**
 * The same for the bytes of a file; tensors are views of them.
 *
 * @param where Names the file in errors.
 */
export function decodeCheckpoint(bytes: Uint8Array, where: string): Checkpoint {
  return toCheckpoint(where, decodeSafetensors(bytes, where));
}

function toCheckpoint(path: string, { tensors, metadata }: SafetensorsFile): Checkpoint {
  if (metadata.format !== 'tangshi') {
    throw new TangshiError(
      'ECHECKPOINT',
      `${path} holds tensors, but is no checkpoint of tangshi: to train from its weights, use --init`,
    );
  }
  if (metadata.version !== String(FORMAT_VERSION)) {
    throw new TangshiError(
      'ECHECKPOINT',
      `${path} has format version ${metadata.version}, this program reads ${FORMAT_VERSION}: update tangshi`,
    );
  }
  const { checksum: expected, ...rest } = metadata;
  if (checksum(rest, tensors) !== expected) {
    throw new TangshiError('ECHECKPOINT', `${path} is damaged: its checksum does not match`);
  }
  const [config, corpus, progress, vocab] = ['config', 'corpus', 'progress', 'vocab'].map((key) =>
    parse(path, metadata, key),
  );
  const facts = checkFacts({ config, corpus, progress }, path);
  const { [LINES]: lines, ...weights } = tensors;
  return {
    ...facts,
    vocab: Vocab.fromJSON(vocab),
    ...(lines && { lines: toLines(path, lines) }),
    tensors: mapTensors(weights, widened),
  };
}

function fromLines({ bytes }: LineSet): StoredTensor {
  return { dtype: 'U8', shape: [bytes.length], data: bytes };
}

function toLines(path: string, { dtype, data }: StoredTensor): LineSet {
  if (dtype === 'U8' && data.length > 0) return new LineSet(data);
  throw new TangshiError('ECHECKPOINT', `${path} is damaged: its lines are no set of bits`);
}

/** What a model computes with, from what is stored. */
function widened({ dtype, shape, data }: StoredTensor): TensorData {
  return dtype === 'F16' ? { dtype: 'F32', shape, data: fromHalf(data) } : { dtype, shape, data };
}

function narrowed({ dtype, shape, data }: TensorData): StoredTensor {
  return dtype === 'F32' ? { dtype: 'F16', shape, data: toHalf(data) } : { dtype, shape, data };
}

function mapTensors<A, B>(tensors: Readonly<Record<string, A>>, to: (tensor: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, to(tensor)]));
}

/**
 * The model's tensors of any safetensors file: a checkpoint, which brings the vocabulary that its ids belong to, or
 * one that Python wrote. What stands under `optim.`, `rng.` and `corpus.` is left out.
 *
 * @throws EIO when it cannot be read. ECHECKPOINT when it is damaged, or has a tensor that is none of F32, F16, I64, U8.
 * @example
 * await session.restore((await readWeights('from-python.safetensors')).tensors);
 */
export async function readWeights(
  path: string,
): Promise<Pick<Checkpoint, 'tensors'> & Partial<Pick<Checkpoint, 'vocab' | 'corpus'>>> {
  const file = decodeSafetensors(await readBytes(path), path);
  if (file.metadata.format !== 'tangshi') return { tensors: weightsOf(mapTensors(file.tensors, widened)) };
  const { tensors, vocab, corpus } = toCheckpoint(path, file);
  return { tensors: weightsOf(tensors), vocab, corpus };
}

/** Without the optimizer, the generator and the lines. */
export function weightsOf(tensors: TensorMap): TensorMap {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !/^(optim|rng|corpus)\./.test(name)));
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw diskError('read', path, error);
  }
}

function parse(path: string, metadata: Readonly<Record<string, string>>, key: string): unknown {
  try {
    return JSON.parse(metadata[key] ?? '');
  } catch {
    throw new TangshiError('ECHECKPOINT', `${path} is damaged: its ${key} is not JSON`);
  }
}

/** Over names, types, shapes and bytes of all tensors and the metadata, in an order of its own. */
export function checksum(metadata: Readonly<Record<string, string>>, tensors: StoredTensors): string {
  const hash = createHash('sha256');
  for (const key of Object.keys(metadata).sort()) hash.update(JSON.stringify([key, metadata[key]]));
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, shape, data } = tensors[name] as StoredTensor;
    hash.update(JSON.stringify([name, dtype, shape, data.byteLength])).update(data);
  }
  return hash.digest('hex');
}
