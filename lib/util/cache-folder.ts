import { utimes } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';

/**
 * The user's cache for this package: `$XDG_CACHE_HOME/tangshi`, or `~/.cache/tangshi`; in the temporary folder for a user
 * without a home folder.
 */
export function cacheFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME;
  // The XDG specification says to ignore relative paths.
  if (xdg && isAbsolute(xdg)) return join(xdg, 'tangshi');
  try {
    return join(homedir(), '.cache', 'tangshi');
  } catch {
    return join(tmpdir(), `tangshi-${process.getuid?.() ?? 'cache'}`);
  }
}

/** Marks a folder of the cache as used: the setup removes those of other versions that have not been used for long. */
export function markUsed(folder: string): void {
  if (!folder.startsWith(cacheFolder() + sep)) return;
  const now = new Date();
  utimes(folder, now, now, () => undefined); // it may belong to another user
}
