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

/** URL of a checkpoint, relative to the page; or its bytes. */
export type ModelSource = string | URL | Uint8Array;

/**
 * Reads a checkpoint. Its checksum is compared where the page is secure (HTTPS or localhost): elsewhere, browsers have
 * no hash function.
 *
 * @throws ERR_TANGSHI_NO_MODEL, ERR_TANGSHI_CHECKPOINT, ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_IO, AbortError
 */
export async function readModel(source: ModelSource, options: CallOptions): Promise<Checkpoint> {
  if (source instanceof Uint8Array) return decode(source.slice(), 'The model');
  const url = toUrl(source);
  return decode(await download(url, options), url.href);
}

async function decode(bytes: Uint8Array, where: string): Promise<Checkpoint> {
  const { file, checksum } = splitChecksum(decodeSafetensors(bytes, where), where);
  if (globalThis.crypto.subtle && (await hexDigest(file)) !== checksum) failChecksum(where);
  return fromFile(file, where);
}

async function hexDigest(file: SafetensorsFile): Promise<string> {
  const pieces = [...checksummed(file)] as (string | Uint8Array<ArrayBuffer>)[];
  const digest = await crypto.subtle.digest('SHA-256', await new Blob(pieces).arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function toUrl(source: string | URL): URL {
  try {
    return new URL(source, document.baseURI);
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
