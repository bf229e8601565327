import type { ErrorCode } from '../util/errors';

/** The code of a job that `cancel` or `dispose` ended. */
export const CANCELED = 'ECANCELED';

/** The addon's codes, and the library's for them. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  EARG: 'ERR_TANGSHI_INVALID_ARG',
  ESHAPE: 'ERR_TANGSHI_SHAPE',
  EOOM: 'ERR_TANGSHI_OUT_OF_MEMORY',
  ETORCH: 'ERR_TANGSHI_LIBTORCH',
  EDEVICE: 'ERR_TANGSHI_DEVICE',
  EDISPOSED: 'ERR_TANGSHI_DISPOSED',
};

/** The library's code for an error of the addon. An error that a getter of the caller's threw has none of its codes. */
export function codeOf(nativeCode: string | undefined): ErrorCode {
  return CODES[nativeCode ?? ''] ?? 'ERR_TANGSHI_INVALID_ARG';
}
