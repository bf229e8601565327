/**
 * Identifies an error for programs.
 *
 * - `ERR_TANGSHI_INVALID_ARG`: an argument or option has the wrong type or value
 * - `ERR_TANGSHI_SHAPE`: array sizes do not match, or an id is outside the vocabulary
 * - `ERR_TANGSHI_OUT_OF_MEMORY`: out of memory, on the host or the device
 * - `ERR_TANGSHI_LIBTORCH`: libtorch reported an error
 * - `ERR_TANGSHI_DEVICE`: the device does not exist, or this libtorch cannot use it
 * - `ERR_TANGSHI_DISPOSED`: the model or session was disposed
 * - `ERR_TANGSHI_ADDON`: the native addon is not built or does not load
 * - `ERR_TANGSHI_CORPUS`: the corpus cannot be read, or holds no usable poems
 * - `ERR_TANGSHI_VOCAB`: a character or id is outside the vocabulary
 * - `ERR_TANGSHI_CHECKPOINT`: the checkpoint is damaged or has another format
 * - `ERR_TANGSHI_NO_MODEL`: there is no model at the path
 * - `ERR_TANGSHI_RUN`: the run folder cannot be used as requested
 * - `ERR_TANGSHI_NON_FINITE`: a loss or gradient is NaN or infinite
 * - `ERR_TANGSHI_IO`: a file cannot be read or written; `cause` is the system's error
 */
export type ErrorCode =
  | 'ERR_TANGSHI_INVALID_ARG'
  | 'ERR_TANGSHI_SHAPE'
  | 'ERR_TANGSHI_OUT_OF_MEMORY'
  | 'ERR_TANGSHI_LIBTORCH'
  | 'ERR_TANGSHI_DEVICE'
  | 'ERR_TANGSHI_DISPOSED'
  | 'ERR_TANGSHI_ADDON'
  | 'ERR_TANGSHI_CORPUS'
  | 'ERR_TANGSHI_VOCAB'
  | 'ERR_TANGSHI_CHECKPOINT'
  | 'ERR_TANGSHI_NO_MODEL'
  | 'ERR_TANGSHI_RUN'
  | 'ERR_TANGSHI_NON_FINITE'
  | 'ERR_TANGSHI_IO';

/** Optional properties of a `TangshiError`. */
export type TangshiErrorOptions = Readonly<{
  /** The error that led to this one. */
  cause?: unknown;
  /** Name of the option to change, such as `bestOf`. */
  option?: string;
}>;

/**
 * The error that every function of this package throws or rejects with, except for an abort: that is an `AbortError`.
 *
 * @example
 * try {
 *   await model.generate({ prompt: '鱻' });
 * } catch (error) {
 *   if (error instanceof TangshiError && error.code === 'ERR_TANGSHI_VOCAB') console.log(error.message);
 * }
 */
export class TangshiError extends Error {
  /** Identifies the class where `instanceof` cannot, as for an uncaught error of a worker thread. */
  override readonly name = 'TangshiError';
  /** For programs. `message` is for people, and says how to fix the problem. */
  readonly code: ErrorCode;
  /** Name of the option to change, if the error is about one. */
  readonly option?: string;

  /** @param options `cause`: the error that led to this one. `option`: name of the option to change. */
  constructor(code: ErrorCode, message: string, options: TangshiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.option !== undefined) this.option = options.option;
  }
}

/** The error of an aborted operation, as in Node.js itself; `cause` is the signal's `reason`. */
export class AbortError extends Error {
  /** Same as for every abort in Node.js and browsers. */
  override readonly name = 'AbortError';
  /** Same as for every abort in Node.js. */
  readonly code = 'ABORT_ERR';

  /** @param reason The signal's `reason`. */
  constructor(reason?: unknown) {
    super('The operation was aborted', reason === undefined ? undefined : { cause: reason });
  }
}

/** @throws AbortError if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortError(signal.reason);
}
