/**
 * What went wrong, as a word a program can switch on.
 *
 * - `EARG`: an argument of the wrong type or value
 * - `ESHAPE`: sizes that do not fit together, or an id outside the vocabulary
 * - `EOOM`: out of memory, on the host or the device
 * - `ETORCH`: libtorch refused
 * - `EDEVICE`: a device this libtorch or machine does not have
 * - `ECANCELED`: the job was cancelled
 * - `EDISPOSED`: the session is gone
 * - `EADDON`: the addon is missing or does not load
 * - `ECORPUS`: a corpus that cannot be read, or holds no poems
 * - `EVOCAB`: a character outside the vocabulary
 * - `ECHECKPOINT`: a checkpoint that is damaged, or of another kind
 * - `ENOMODEL`: no model to load
 * - `ERUN`: a run folder that cannot be used as asked
 * - `ENONFINITE`: loss or gradient is no longer a number
 * - `EIO`: the disk refused
 */
export type ErrorCode =
  | 'EARG'
  | 'ESHAPE'
  | 'EOOM'
  | 'ETORCH'
  | 'EDEVICE'
  | 'ECANCELED'
  | 'EDISPOSED'
  | 'EADDON'
  | 'ECORPUS'
  | 'EVOCAB'
  | 'ECHECKPOINT'
  | 'ENOMODEL'
  | 'ERUN'
  | 'ENONFINITE'
  | 'EIO';

/**
 * Every error this package throws or rejects with.
 *
 * @example
 * try { await generatePoems(model, { prompt: '鱻' }); }
 * catch (error) { if (error instanceof TangshiError && error.code === 'EVOCAB') … }
 */
export class TangshiError extends Error {
  /** To tell it from errors of other origin where `instanceof` does not reach. */
  override readonly name = 'TangshiError';
  /** For programs; `message` is for people, and says what to do. */
  readonly code: ErrorCode;

  /** With an `ErrorOptions.cause`, if there is one. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
