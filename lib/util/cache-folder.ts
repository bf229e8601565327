import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The user's cache for this package: `$XDG_CACHE_HOME/tangshi`, or `~/.cache/tangshi`. */
export function cacheFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME;
  // The XDG specification says to ignore relative paths.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'tangshi');
}
