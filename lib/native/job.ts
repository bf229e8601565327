import { AbortError, TangshiError } from '../util/errors';
import type { Job } from './contract';
import { CANCELED, codeOf } from './error-codes';

/** Waits for a native job, and cancels it when the signal is aborted. */
export async function runJob<T>(job: Job<T>, signal: AbortSignal | undefined): Promise<T> {
  const cancel = () => job.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await job.done;
  } catch (error) {
    throw toLibraryError(error, signal);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** Rejects with a library error, which has the caller's stack, where the addon rejects with its own. */
export async function withLibraryErrors<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw toLibraryError(error, undefined);
  }
}

function toLibraryError(error: unknown, signal: AbortSignal | undefined): Error {
  const { code, message = String(error) } = Object(error) as { code?: string; message?: string };
  if (code !== CANCELED) return new TangshiError(codeOf(code), message, { cause: error });
  if (signal?.aborted) return new AbortError(signal.reason);
  return new TangshiError('ERR_TANGSHI_DISPOSED', 'Disposed while the call was in progress', {
    cause: error,
  });
}
