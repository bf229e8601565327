import { versesOf } from './line-filter';

/** What kind of poem a model can be asked for: by the shape of its lines, or a ci (词), which has a tune. */
export const GENRES = ['五绝', '七绝', '五律', '七律', '五古', '七古', '杂言', '词'] as const;
/** One of `GENRES`. */
export type Genre = (typeof GENRES)[number];

const BY_LINES: Readonly<Record<number, readonly [five: Genre, seven: Genre]>> = {
  4: ['五绝', '七绝'],
  8: ['五律', '七律'],
};

/** The genre of a poem that is not a ci, by the number and length of its lines. */
export function genreOf(poem: string): Genre {
  return genreOfLines(versesOf(poem).map((line) => [...line].length));
}

/** The same by the lengths of the lines. */
export function genreOfLines(lengths: readonly number[]): Genre {
  const [length] = lengths;
  if ((length !== 5 && length !== 7) || lengths.some((other) => other !== length)) return '杂言';
  const [five, seven] = BY_LINES[lengths.length] ?? ['五古', '七古'];
  return length === 5 ? five : seven;
}
