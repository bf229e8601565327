import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

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
