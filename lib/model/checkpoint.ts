import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { checkFacts, checkOptions, type Progress } from '../config/schemas';
import { LineFilter } from '../data/line-filter';
import { Vocab } from '../data/vocab';
import type { TensorData, TensorMap } from '../native/contract';
import { readBytes, writeWhole } from '../util/disk';
import { requireObject, requireString, wrongArgument } from '../util/guards';
import {
  type Checkpoint,
  checksummed,
  failChecksum,
  fromFile,
  splitChecksum,
  toFile,
  weightsOf,
} from './checkpoint-format';
import { fromEightBit, toEightBit } from './eight-bit';
import { fromHalf, toHalf } from './float16';
import {
  decodeSafetensors,
  encodeSafetensors,
  headerLength,
  isDtype,
  MAX_HEADER,
  type SafetensorsFile,
} from './safetensors';

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
 * @param options `bits`: 8 for weight matrices of 8 bits with a scale for each row, half the size. Default: 16.
 * @throws ERR_TANGSHI_IO, ERR_TANGSHI_INVALID_ARG
 * @example
 * await writeModel('湖.safetensors', await readCheckpoint('runs/mine/best.safetensors'));
 */
export async function writeModel(
  path: string,
  checkpoint: Checkpoint,
  options: Readonly<{ bits?: 8 | 16 }> = {},
): Promise<void> {
  requireString(path, 'path');
  requireCheckpoint(checkpoint);
  checkOptions('writeModel', options);
  const weights = weightsOf(checkpoint.tensors);
  const tensors = options.bits === 8 ? toEightBit(weights) : mapTensors(weights, toHalfPrecision);
  await writeWhole(path, encodeCheckpoint({ ...checkpoint, tensors }));
}

/** The bytes of a checkpoint file, in pieces. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array[] {
  const { metadata, tensors } = toFile(checkpoint);
  return encodeSafetensors({ metadata: { ...metadata, checksum: checksum(metadata, tensors) }, tensors });
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

/**
 * Reads a checkpoint and validates all of it. Weights of 8 or 16 bits are converted to single precision.
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
  return { ...checkpoint, tensors: toSinglePrecision(checkpoint.tensors, where) };
}

/** The same, keeping weights of 8 or 16 bits: an `InferenceSession` accepts them. */
export function decodeStoredCheckpoint(bytes: Uint8Array, where: string): Checkpoint {
  return toCheckpoint(decodeSafetensors(bytes, where), where);
}

function toCheckpoint(whole: SafetensorsFile, where: string): Checkpoint {
  const { file, checksum: expected } = splitChecksum(whole, where);
  if (checksum(file.metadata, file.tensors) !== expected) failChecksum(where);
  return fromFile(file, where);
}

/** Hex SHA-256 of a file without its checksum. */
export function checksum(metadata: SafetensorsFile['metadata'], tensors: TensorMap): string {
  const hash = createHash('sha256');
  for (const piece of checksummed({ metadata, tensors })) hash.update(piece);
  return hash.digest('hex');
}

/** The progress of the run that wrote a checkpoint, from its header alone; undefined if that cannot be read. */
export async function readProgress(path: string): Promise<Progress | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const length = headerLength((await file.read(Buffer.alloc(8), 0, 8, 0)).buffer);
      const { buffer } = await file.read(Buffer.alloc(Math.min(length, MAX_HEADER)), 0, undefined, 8);
      return JSON.parse(JSON.parse(buffer.toString()).__metadata__.progress);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/**
 * The weights of any safetensors file: a checkpoint, with the vocabulary its ids belong to, or a file written by
 * Python. Leaves out tensors named `optim.*`, `rng.*` and `corpus.*`, and the prefixes `module.` and `_orig_mod.`.
 *
 * @throws ERR_TANGSHI_IO if it cannot be read. ERR_TANGSHI_CHECKPOINT if it is damaged, or has a tensor of a type other
 * than F32, F16, I64, I8 and U8.
 * @example
 * await session.restore((await readWeights('from-python.safetensors')).tensors);
 */
export async function readWeights(
  path: string,
): Promise<Pick<Checkpoint, 'tensors'> & Partial<Pick<Checkpoint, 'vocab' | 'corpus'>>> {
  const file = decodeSafetensors(await readBytes(path), path);
  if (file.metadata.format !== 'tangshi')
    return { tensors: weightsOf(withoutWrappers(toSinglePrecision(file.tensors, path))) };
  const { tensors, vocab, corpus } = toCheckpoint(file, path);
  return { tensors: weightsOf(toSinglePrecision(tensors, path)), vocab, corpus };
}

/** DataParallel and torch.compile add a prefix to the names. */
function withoutWrappers(tensors: TensorMap): TensorMap {
  const entries = Object.entries(tensors);
  return Object.fromEntries(
    entries.map(([name, tensor]) => [name.replace(/^(module\.|_orig_mod\.)+/, ''), tensor]),
  );
}

function toSinglePrecision(tensors: TensorMap, where: string): TensorMap {
  return mapTensors(fromEightBit(tensors, where), ({ dtype, shape, data }) =>
    dtype === 'F16' ? { dtype: 'F32', shape, data: fromHalf(data) } : { dtype, shape, data },
  );
}

function toHalfPrecision({ dtype, shape, data }: TensorData): TensorData {
  return dtype === 'F32' ? { dtype: 'F16', shape, data: toHalf(data) } : { dtype, shape, data };
}

function mapTensors<A, B>(tensors: Readonly<Record<string, A>>, to: (tensor: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, to(tensor)]));
}
