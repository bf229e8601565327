import type { CorpusRecord } from './corpus';
import { withoutNotes } from './notes';

/** Highest number of characters: nine in ten titles are shorter than 13, and what a poem is about comes first. */
const MAX_TITLE = 20;

/** A part of the title that is a class of the Music Bureau's songs (乐府), such as 相和歌辞. */
const CLASS = /^.{1,5}辞$/u;
const NUMBER = '[一二三四五六七八九十百]+';
/** A part of the title that is the position in a series: 其二, 第三, 二. */
const POSITION = new RegExp(`^(?:其|第)?${NUMBER}[首章]?$`, 'u');
/** The end of a part that is the size of a series, or the position in it: 五首, 二绝句, 其二, 第三彻. */
const SERIES = new RegExp(`(?:其${NUMBER}|第${NUMBER}.?|${NUMBER}(?:首|章|绝句?))$`, 'u');
/** Titles that say that there is none. */
const NONE = /^(?:句|断句|诗|失题|阙题|缺题|佚题|失调名)?$/u;

/** The title of a record as the model learns it; empty if there is none. Only lines of `title:content` have one. */
export function titleOf({ format, text }: CorpusRecord): string {
  if (format !== 'titled') return '';
  const [, inBrackets] = /^\s*《([^《》]*)》/u.exec(text) ?? [];
  const [title] = text.includes(':') ? text.split(':') : text.split('：');
  return cleanTitle(inBrackets ?? (title as string));
}

/**
 * A title as Han characters: without notes, the class of a song, and the size of a series or the position in it. Cut after
 * 20 characters.
 *
 * @example
 * cleanTitle('相和歌辞：子夜四时歌六首 其二'); // '子夜四时歌'
 */
export function cleanTitle(title: string): string {
  const text = withoutNotes(title.normalize('NFKC')) ?? '';
  const parts = text.split(/\P{Unified_Ideograph}+/u).filter((part) => part !== '');
  const [first = '', ...others] = parts;
  // A class alone is a title, too.
  const named = others.length > 0 && CLASS.test(first) ? others : parts;
  const kept = named.filter((part) => !POSITION.test(part)).map((part) => part.replace(SERIES, '') || part);
  const whole = kept.join('');
  return NONE.test(whole) ? '' : [...whole].slice(0, MAX_TITLE).join('');
}
