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
import { TangshiError } from '../util/errors';
import { requireObject } from '../util/guards';
import { omitUndefined } from '../util/omit-undefined';
import type { SafetensorsFile } from './safetensors';

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

/** A checkpoint as a file without its checksum: everything but the tensors is JSON in the metadata. */
export function toFile(checkpoint: Checkpoint): SafetensorsFile {
  const { config, vocab, corpus, progress, environment, lineFilter, tensors } = checkpoint;
  const facts = omitUndefined({ config, vocab, corpus, progress, environment });
  const metadata: Record<string, string> = { format: 'tangshi', version: String(FORMAT_VERSION) };
  for (const [key, value] of Object.entries(facts)) metadata[key] = JSON.stringify(value);
  return { metadata, tensors: lineFilter ? { ...tensors, [LINE_FILTER]: toTensor(lineFilter) } : tensors };
}

/**
 * What the checksum of a file covers: names, types, shapes and bytes of all tensors and the metadata, sorted by name.
 *
 * @param metadata Without the checksum.
 */
export function* checksummed({ metadata, tensors }: SafetensorsFile): Generator<string | Uint8Array> {
  for (const key of Object.keys(metadata).sort()) yield JSON.stringify([key, metadata[key]]);
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, shape, data } = tensors[name] as TensorData;
    yield JSON.stringify([name, dtype, shape, data.byteLength]);
    yield data;
  }
}

/**
 * The parts of a file for checking its checksum.
 *
 * @param where Names the file in errors.
 * @throws ERR_TANGSHI_CHECKPOINT if it is not a checkpoint of this version.
 */
export function splitChecksum(
  { metadata, tensors }: SafetensorsFile,
  where: string,
): { file: SafetensorsFile; checksum: string | undefined } {
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
  const { checksum, ...rest } = metadata;
  return { file: { metadata: rest, tensors }, checksum };
}

/**
 * Validates everything except the checksum.
 *
 * @param where Names the file in errors.
 * @throws ERR_TANGSHI_CHECKPOINT
 */
export function fromFile({ metadata, tensors }: SafetensorsFile, where: string): Checkpoint {
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

/** @throws ERR_TANGSHI_CHECKPOINT, always. */
export function failChecksum(where: string): never {
  throw damaged(where, 'its checksum does not match');
}

function damaged(where: string, reason: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_CHECKPOINT', `${where} is damaged: ${reason}`);
}
