import { readFileSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { addon } from '../native/addon';
import type { FileLock } from '../native/contract';
import { diskError } from '../util/disk';
import { TangshiError } from '../util/errors';
import { runFiles } from './run-folder';

/** Disks that know no locks: there nothing keeps two trainings apart. */
const NO_LOCKS = ['ENOLCK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Keeps a run folder to one training. A process that is gone holds nothing, however it went.
 *
 * @returns undefined where the disk knows no locks.
 * @throws ERUN when a training goes on there. EIO when the folder cannot be written.
 */
export function lockRun(folder: string): FileLock | undefined {
  const { lock: path } = runFiles(folder);
  const lock = addon().lockFile(path, String(process.pid));
  if (lock === null) {
    throw new TangshiError(
      'ERUN',
      `Process ${holder(path)} is training in ${folder}: wait for its end, or choose another folder with --out`,
    );
  }
  if (typeof lock !== 'number') return lock;
  const code = getSystemErrorName(-lock);
  if (NO_LOCKS.includes(code)) return undefined;
  throw diskError('write', path, Object.assign(new Error(code), { code }));
}

function holder(path: string): string {
  try {
    return readFileSync(path, 'utf8') || 'another';
  } catch {
    return 'another';
  }
}
