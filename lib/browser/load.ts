import {
  type Checkpoint,
  checksummed,
  failChecksum,
  fromFile,
  splitChecksum,
} from '../model/checkpoint-format';
import { decodeSafetensors, type SafetensorsFile } from '../model/safetensors';
import type { CallOptions } from '../native/job';
import { AbortError, TangshiError } from '../util/errors';
import { sha256Of } from './sha256';

/** URL of a checkpoint, relative to the page; or its bytes. */
export type ModelSource = string | URL | Uint8Array;

/**
 * Reads a checkpoint.
 *
 * @throws ERR_TANGSHI_NO_MODEL, ERR_TANGSHI_CHECKPOINT, ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_IO, AbortError
 */
export async function readModel(source: ModelSource, options: CallOptions): Promise<Checkpoint> {
  if (source instanceof Uint8Array) return decode(Uint8Array.from(source), 'The model');
  const url = toUrl(source);
  return decode(await download(url, options), url.href);
}

async function decode(bytes: Uint8Array, where: string): Promise<Checkpoint> {
  const { file, checksum } = splitChecksum(decodeSafetensors(bytes, where), where);
  if ((await hexDigest(file)) !== checksum) failChecksum(where);
  return fromFile(file, where);
}

async function hexDigest(file: SafetensorsFile): Promise<string> {
  const pieces = [...checksummed(file)] as (string | Uint8Array<ArrayBuffer>)[];
  const bytes = await new Blob(pieces).arrayBuffer();
  // Only pages from HTTPS or localhost have the browser's own hash function, which does not block the page.
  const digest: ArrayBuffer | undefined = await globalThis.crypto.subtle?.digest('SHA-256', bytes);
  const hash = digest ? new Uint8Array(digest) : sha256Of(new Uint8Array(bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function toUrl(source: string | URL): URL {
  try {
    if (source === '' || !(typeof source === 'string' || source instanceof URL))
      throw new TypeError('no URL');
    return new URL(source, globalThis.document?.baseURI ?? location.href); // a worker has no document
  } catch (error) {
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'Expected a URL or a Uint8Array for the model', {
      cause: error,
      option: 'source',
    });
  }
}

async function download(url: URL, { signal }: CallOptions): Promise<Uint8Array> {
  try {
    const response = await fetch(url, { signal });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    const code = [404, 410].includes(response.status) ? 'ERR_TANGSHI_NO_MODEL' : 'ERR_TANGSHI_IO';
    throw new TangshiError(
      code,
      `There is no model at ${url.href}: ${response.status} ${response.statusText}`,
    );
  } catch (error) {
    if (error instanceof TangshiError) throw error;
    if (signal?.aborted) throw new AbortError(signal.reason);
    const { message } = error as Error;
    throw new TangshiError('ERR_TANGSHI_IO', `Cannot download ${url.href}: ${message}`, { cause: error });
  }
}
