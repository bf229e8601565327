import { fileURLToPath } from 'node:url';
import type { Device } from '../native/contract';
import { InferenceSession } from '../native/inference-session';
import { readBytes } from '../util/disk';
import { TangshiError } from '../util/errors';
import { decodeStoredCheckpoint } from './checkpoint';
import { type Checkpoint, weightsOf } from './checkpoint-format';
import { findCheckpoint } from './model-files';
import { modelConfig } from './network';

/** Path or `file:` URL of a checkpoint or a run folder, or the bytes of a checkpoint. */
export type ModelSource = string | URL | Uint8Array;

/** A checkpoint, and the path it was read from. */
export type ModelFile = Readonly<{ checkpoint: Checkpoint; path: string | undefined }>;

/** @throws ERR_TANGSHI_NO_MODEL, ERR_TANGSHI_CHECKPOINT, ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_IO */
export async function readModel(source: ModelSource): Promise<ModelFile> {
  if (source instanceof Uint8Array)
    return { checkpoint: decodeStoredCheckpoint(source.slice(), nameOf(undefined)), path: undefined };
  const path = await findCheckpoint(toPath(source));
  return { checkpoint: decodeStoredCheckpoint(await readBytes(path), path), path };
}

/**
 * Opens a session with the weights of a model.
 *
 * @throws ERR_TANGSHI_CHECKPOINT if the weights do not match the configuration. ERR_TANGSHI_ADDON,
 * ERR_TANGSHI_OUT_OF_MEMORY
 */
export async function openSession(
  { checkpoint, path }: ModelFile,
  device: Device,
  threads: number,
): Promise<InferenceSession> {
  const { config, vocab, tensors } = checkpoint;
  const model = modelConfig(config, vocab.size);
  try {
    return await InferenceSession.open({ model, device, threads }, weightsOf(tensors));
  } catch (error) {
    throw isMismatch(error) ? mismatch(error, path) : error;
  }
}

function isMismatch(error: unknown): error is TangshiError {
  const codes = ['ERR_TANGSHI_SHAPE', 'ERR_TANGSHI_INVALID_ARG'];
  return error instanceof TangshiError && codes.includes(error.code);
}

function mismatch(error: TangshiError, path: string | undefined): TangshiError {
  const message = `${nameOf(path)} does not match its own configuration: ${error.message}`;
  return new TangshiError('ERR_TANGSHI_CHECKPOINT', message, { cause: error });
}

/** Name of the source in messages. */
function nameOf(path: string | undefined): string {
  return path ?? 'The model';
}

function toPath(source: string | URL): string {
  if (source === '') {
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'The path of the model is empty', { option: 'source' });
  }
  if (typeof source === 'string' && !source.startsWith('file://')) return source;
  try {
    return fileURLToPath(source);
  } catch (error) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      'Expected a path, a file: URL or a Uint8Array for the model',
      {
        cause: error,
        option: 'source',
      },
    );
  }
}
