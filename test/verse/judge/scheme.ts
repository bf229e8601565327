/** The two tone patterns of regulated verse. Lines and positions count from 0. */

const LINE = /[^，。？！；：、]+/gu;

/** The lines of a poem of 4 or 8 lines of 5 or 7 characters, as characters; undefined for any other shape. */
export function regulatedLines(text: string): string[][] | undefined {
  const lines = Array.from(text.matchAll(LINE), ([line]) => [...line]);
  const width = lines[0]?.length;
  const regular = lines.every((line) => line.length === width);
  return regular && (width === 5 || width === 7) && (lines.length === 4 || lines.length === 8)
    ? lines
    : undefined;
}

/** 平起 or 仄起: whether the second character of the poem is level. */
export const STARTS = [true, false] as const;

/**
 * Whether a position wants a level tone. Only odd positions (the second character, the fourth, the sixth) count: they
 * alternate in a line, are opposite in the lines of a couplet (对), and equal in lines that meet between couplets (粘).
 */
export function wantsLevel(line: number, position: number, start: boolean): boolean {
  const opposite = Math.ceil(line / 2) % 2 === 1;
  const alternate = ((position - 1) / 2) % 2 === 1;
  return start !== (opposite !== alternate);
}

/** Whether a line rhymes: the second of each couplet, and not the first line of the poem, which may do either. */
export const rhymes = (line: number): boolean => line % 2 === 1;

/** The positions whose tone the pattern determines: the second character, the fourth, the sixth. */
export function keyPositions(width: number): number[] {
  return width === 5 ? [1, 3] : [1, 3, 5];
}
