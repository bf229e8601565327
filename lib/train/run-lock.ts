import { readFileSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { addon } from '../native/addon';
import type { FileLock } from '../native/contract';
import { diskError } from '../util/disk';
import { TangshiError } from '../util/errors';
import { runFiles } from './run-folder';

/** Errors of file systems without locks, where concurrent training runs in one folder cannot be prevented. */
const NO_LOCKS = ['ENOLCK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Locks a run folder, so that only one training run uses it. The lock ends with the process, however it ends.
 *
 * @returns undefined if the file system has no locks.
 * @throws ERR_TANGSHI_RUN if another training run holds the lock. ERR_TANGSHI_IO if the folder is not writable.
 */
export function lockRun(folder: string): FileLock | undefined {
  const { lock: path } = runFiles(folder);
  const lock = addon().FileLock.take(path, String(process.pid));
  if (lock === null) {
    throw new TangshiError(
      'ERR_TANGSHI_RUN',
      `Process ${holderOf(path)} is training in ${folder}: wait until it ends, or choose another folder with out`,
      { option: 'out' },
    );
  }
  if (typeof lock !== 'number') return lock;
  const code = getSystemErrorName(-lock);
  if (NO_LOCKS.includes(code)) return undefined;
  throw diskError('write', path, Object.assign(new Error(code), { code }));
}

function holderOf(path: string): string {
  try {
    return readFileSync(path, 'utf8') || '(unknown)';
  } catch {
    return '(unknown)';
  }
}
