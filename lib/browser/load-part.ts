import { TangshiError } from '../util/errors';

/** Imports a part of the module that few pages need. @throws ERR_TANGSHI_IO */
export async function loadPart<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new TangshiError('ERR_TANGSHI_IO', `Cannot load a part of tangshi: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
