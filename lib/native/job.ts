import { AbortError, type ErrorCode, TangshiError } from '../util/errors';
import type { Job, OnToken } from './contract';

/** How a call can be stopped. */
export type CallOptions = Readonly<{
  /** Abort to stop between two steps, batches or characters. */
  signal?: AbortSignal;
}>;

/** How a call that generates can be stopped and watched. */
export type GenerateCallOptions = CallOptions &
  Readonly<{
    /** Called with the index of a prompt and each id as it is drawn. */
    onToken?: OnToken;
  }>;

/**
 * Waits for a native job, and cancels it when the signal is aborted.
 *
 * @internal
 */
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

/**
 * Rejects with a library error, which has the caller's stack, instead of the addon's own error.
 *
 * @internal
 */
export async function withLibraryErrors<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw toLibraryError(error, undefined);
  }
}

/**
 * The addon's errors have a code of the library; an error thrown by a getter of the caller may have any or
 * none.
 */
function toLibraryError(error: unknown, signal: AbortSignal | undefined): Error {
  const { code, message = String(error) } = Object(error) as { code?: unknown; message?: string };
  if (code === 'ABORT_ERR' && signal?.aborted) return new AbortError(signal.reason);
  if (code === 'ABORT_ERR')
    return new TangshiError('ERR_TANGSHI_DISPOSED', 'Disposed while the call was in progress', {
      cause: error,
    });
  const own = typeof code === 'string' && code.startsWith('ERR_TANGSHI_');
  return new TangshiError(own ? (code as ErrorCode) : 'ERR_TANGSHI_INVALID_ARG', message, { cause: error });
}
