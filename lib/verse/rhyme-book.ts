import { TangshiError } from '../util/errors';
import { Cilin } from './cilin';
import { Pingshui } from './pingshui';
import { COMMON } from './reading-share';
import type { Tone } from './tone';
import { Tongyun } from './tongyun';

/**
 * Rhyme books: 平水韵 for regulated verse, 词林正韵 for ci, 中华通韵 for the tones and rhymes of modern Mandarin.
 */
export const RHYME_BOOKS = ['平水韵', '词林正韵', '中华通韵'] as const;
/** The name of a rhyme book: one of `RHYME_BOOKS`. */
export type RhymeBookName = (typeof RHYME_BOOKS)[number];

/** A reading of a character. */
export type Reading = Readonly<{
  tone: Tone;
  /** Index of its rhyme group in the book's `groups`. */
  group: number;
  /**
   * Share of its occurrences in Tang verse, 0 to 1; in the 中华通韵, 1 for the usual reading. Below `COMMON`, the reading is
   * rare; at 0, verse does not use it.
   */
  share: number;
}>;

/** Tones and rhymes of characters. */
export interface RhymeBook {
  readonly name: RhymeBookName;
  /** Names of the rhyme groups. */
  readonly groups: readonly string[];
  /**
   * The readings of a character; none if it is unknown.
   *
   * @param char Simplified or traditional.
   */
  readings(char: string): readonly Reading[];
}

const books = new Map<RhymeBookName, RhymeBook>();
const CONSTRUCTORS: Readonly<Record<RhymeBookName, new () => RhymeBook>> = {
  平水韵: Pingshui,
  词林正韵: Cilin,
  中华通韵: Tongyun,
};

/** Whether a value is the name of a rhyme book. */
export function isRhymeBook(value: unknown): value is RhymeBookName {
  return (RHYME_BOOKS as readonly unknown[]).includes(value);
}

/**
 * A rhyme book, read on first use in a few hundredths of a second.
 *
 * @throws ERR_TANGSHI_INVALID_ARG for an unknown name.
 * @example
 * const book = rhymeBook('平水韵');
 * book.readings('看').map(({ tone, group, share }) => [tone, book.groups[group], share]);
 * // [['level', '寒', 0.83], ['oblique', '翰', 0.17]]
 */
export function rhymeBook(name: RhymeBookName): RhymeBook {
  if (!isRhymeBook(name)) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Unknown rhyme book ${JSON.stringify(name)}. Choose ${RHYME_BOOKS.join(', ')}.`,
      { option: 'rhymeBook' },
    );
  }
  const known = books.get(name) ?? new CONSTRUCTORS[name]();
  books.set(name, known);
  return known;
}

/** The common readings of a character. */
export function commonReadings(book: RhymeBook, char: string): Reading[] {
  return book.readings(char).filter(({ share }) => share >= COMMON);
}
