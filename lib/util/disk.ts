import { copyFile, link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TangshiError } from './errors';

/**
 * Writes a file atomically: a reader sees either the complete old file or the complete new one, at any moment and after
 * any crash. Writes a temporary file, then fsync, rename, fsync of the folder.
 *
 * @param temporary Path of the temporary file; must be unique if several processes may write the same file.
 * @throws ERR_TANGSHI_IO that names the file; the old file is then unchanged.
 */
export async function writeWhole(
  path: string,
  pieces: readonly Uint8Array[],
  temporary = `${path}.tmp`,
): Promise<void> {
  try {
    const file = await open(temporary, 'w');
    try {
      for (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError('write', path, error);
  }
}

/**
 * Atomically gives a file a second name, replacing any file of that name. Neither name may be written in place
 * afterwards, only replaced.
 *
 * @throws ERR_TANGSHI_IO that names the file.
 */
export async function linkWhole(existing: string, path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await rm(temporary, { force: true });
    await link(existing, temporary).catch(() => copyAndSync(existing, temporary)); // no hard links on this file system
    await rename(temporary, path);
    await rm(temporary, { force: true }); // rename keeps it if both names already refer to the same file
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError('write', path, error);
  }
}

async function copyAndSync(existing: string, path: string): Promise<void> {
  await copyFile(existing, path);
  await sync(path);
}

/**
 * Errors of file systems that cannot sync folders, such as network file systems; what they keep after a crash is up to
 * them. EACCES: a folder that is writable but not readable cannot be opened.
 */
const NO_FOLDER_SYNC = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES'];

async function syncFolder(folder: string): Promise<void> {
  try {
    await sync(folder);
  } catch (error) {
    if (!NO_FOLDER_SYNC.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The bytes of a file. @throws ERR_TANGSHI_IO that names it. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw diskError('read', path, error);
  }
}

const ELSEWHERE = 'choose another folder';
const REASONS: Readonly<Record<'read' | 'write', Readonly<Record<string, string>>>> = {
  read: { ENOENT: 'it does not exist', EACCES: 'permission denied', EISDIR: 'it is a folder' },
  write: {
    ENOSPC: `the disk is full: free some space, or ${ELSEWHERE}`,
    EDQUOT: `the disk quota is used up: free some space, or ${ELSEWHERE}`,
    EACCES: `permission denied: ${ELSEWHERE}`,
    EROFS: `the disk is read-only: ${ELSEWHERE}`,
    ENOTDIR: `a part of the path is a file: ${ELSEWHERE}`,
  },
};

/** A file system error with the path, the reason and how to fix it; `cause` is the system's error. */
export function diskError(verb: 'read' | 'write', path: string, error: unknown): TangshiError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = REASONS[verb][code ?? ''] ?? message;
  return new TangshiError('ERR_TANGSHI_IO', `Cannot ${verb} ${path}: ${reason}`, { cause: error });
}
