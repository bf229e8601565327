import { copyFile, link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TangshiError } from './errors';

/**
 * Writes a file so that whoever looks, at any moment and after any crash, sees the old one whole or the new one
 * whole: beside, fsync, rename, fsync the folder.
 *
 * @param beside Needs a name of its own where two processes may write the same file.
 * @throws EIO that names the file; the old one is then as it was.
 */
export async function writeWhole(
  path: string,
  pieces: readonly Uint8Array[],
  beside = `${path}.tmp`,
): Promise<void> {
  try {
    const file = await open(beside, 'w');
    try {
      for (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw diskError('write', path, error);
  }
}

/**
 * Gives a whole file that is never written to again, only replaced, a second name; the old file of that name is there
 * whole until the new one is.
 *
 * @throws EIO that names the file.
 */
export async function linkWhole(existing: string, path: string): Promise<void> {
  const beside = `${path}.tmp`;
  try {
    await rm(beside, { force: true });
    await link(existing, beside).catch(() => copyFile(existing, beside)); // where the disk knows no links
    await rename(beside, path);
    await rm(beside, { force: true }); // left where both names were the same file already
    await syncFolder(dirname(path));
  } catch (error) {
    throw diskError('write', path, error);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const ELSEWHERE = 'choose another folder';
const REMEDIES: Readonly<Record<'read' | 'write', Readonly<Record<string, string>>>> = {
  read: { ENOENT: 'it does not exist', EACCES: 'permission denied', EISDIR: 'it is a folder' },
  write: {
    ENOSPC: `the disk is full: free some space, or ${ELSEWHERE}`,
    EDQUOT: `the disk quota is used up: free some space, or ${ELSEWHERE}`,
    EACCES: `permission denied: ${ELSEWHERE}`,
    EROFS: `the disk is read-only: ${ELSEWHERE}`,
    ENOTDIR: `a part of the path is a file: ${ELSEWHERE}`,
  },
};

/** An error of the file system in words, with what to do. */
export function diskError(verb: 'read' | 'write', path: string, error: unknown): TangshiError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new TangshiError('EIO', `Cannot ${verb} ${path}: ${REMEDIES[verb][code ?? ''] ?? message}`, {
    cause: error,
  });
}
