import type { Writable } from 'node:stream';

/** A stream that may be a terminal. */
export type Terminal = Writable & { isTTY?: boolean; columns?: number };

/** Whether a line can be erased and written again, which takes escape codes. */
export function canRedraw({ isTTY }: Terminal, env = process.env): boolean {
  return isTTY === true && env.TERM !== 'dumb' && !env.NO_COLOR;
}
