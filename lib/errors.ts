/** What went wrong, as a word a program can switch on. */
export type ErrorCode =
  | 'EARG' // an argument of the wrong type or value
  | 'ESHAPE' // sizes that do not fit together, or an id outside the vocabulary
  | 'EOOM' // out of memory, on the host or the device
  | 'ETORCH' // libtorch refused
  | 'EDEVICE' // a device this libtorch or machine does not have
  | 'ECANCELED' // the job was cancelled
  | 'EDISPOSED' // the session is gone
  | 'EADDON' // the addon is missing or does not load
  | 'ECORPUS' // a corpus that cannot be read, or holds no poems
  | 'EVOCAB' // a character outside the vocabulary
  | 'ECHECKPOINT' // a checkpoint that is damaged, or of another kind
  | 'ENOMODEL' // no model to load
  | 'ERUN' // a run folder that cannot be used as asked
  | 'ENONFINITE' // loss or gradient is no longer a number
  | 'EIO'; // the disk refused

/**
 * Every error this package throws or rejects with.
 *
 * @example
 * try { await generatePoems(model, { prompt: '鱻' }); }
 * catch (error) { if (error instanceof TangshiError && error.code === 'EVOCAB') … }
 */
export class TangshiError extends Error {
  override readonly name = 'TangshiError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
