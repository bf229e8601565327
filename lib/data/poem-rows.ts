import { withoutNotes } from './notes';

/** Poems as people write and paste them: in rows, below a title and an author. */

/** Punctuation of poems, full-width and half-width, without the colon, which titles also contain. */
const MARK = /[，。？！；、,.?!;]/u;
const BEGINS_WITH_MARK = /^[，。？！；：、,.?!;:]/u;
/** A title and an author. */
const MAX_HEADINGS = 2;

/**
 * The rows of a poem without its heading: rows for title and author, `《title》`, a number, or `title:` before the first
 * line. A row counts as a heading if it has no punctuation and the others have, or if its length differs from theirs.
 */
export function withoutHeading(rows: readonly string[]): string[] {
  const [first = '', ...rest] = withoutHeadingRows(rows.filter((row) => row.trim() !== ''));
  return [withoutTitle(first, rest), ...rest].filter((row) => row !== '');
}

/**
 * The words of a poem's heading: title, subtitle and author, separated as in 念奴娇·赤壁怀古.
 *
 * @example
 * headingOf('念奴娇·赤壁怀古\n苏轼\n大江东去，……'); // ['念奴娇', '赤壁怀古', '苏轼']
 */
export function headingOf(text: string): string[] {
  const rows = text.split(/\r\n?|\n/).filter((row) => row.trim() !== '');
  const poem = withoutHeading(rows);
  const above = rows.slice(0, rows.length - poem.length);
  const [first = ''] = rows.slice(above.length);
  const before = first.slice(0, first.length - (poem[0] ?? '').length);
  return [...above, before].flatMap((heading) => heading.match(/\p{Script=Han}+/gu) ?? []);
}

/**
 * The text of a poem in rows. Rows without punctuation end alternately in ， and 。, or always in ， if other rows have
 * some.
 */
export function joinRows(rows: readonly string[]): string {
  if (rows.length === 1) return rows[0] as string;
  const unmarked = !rows.some((row) => MARK.test(row));
  return rows
    .map((row, i) => {
      if (MARK.test(row) || BEGINS_WITH_MARK.test(rows[i + 1] ?? '')) return row;
      return row + (unmarked && i % 2 === 1 ? '。' : '，');
    })
    .join('');
}

function withoutHeadingRows(rows: readonly string[]): readonly string[] {
  const afterTitle = rows.findIndex((row) => !/^\s*《[^《》]*》\s*$/u.test(row));
  if (afterTitle > 0) return withoutHeadingRows(rows.slice(afterTitle));
  if (isRegular(rows)) return rows;
  const marked = rows.map((row) => MARK.test(withoutAnnotations(row).replace(NUMBER, '')));
  const firstMarked = marked.indexOf(true);
  if (firstMarked > 0 && marked.slice(firstMarked).every(Boolean)) return rows.slice(firstMarked);
  for (let headings = 1; headings <= MAX_HEADINGS && !marked[headings - 1]; headings++) {
    if (isRegular(rows.slice(headings))) return rows.slice(headings);
  }
  return rows;
}

/** Whether there is an even number of lines, all of the same length. */
function isRegular(rows: readonly string[]): boolean {
  const lengths = rows.flatMap(linesIn).map((line) => [...line].length);
  return lengths.length % 2 === 0 && new Set(lengths).size === 1;
}

function linesIn(row: string): string[] {
  return withoutAnnotations(row).match(/\p{Script=Han}+/gu) ?? [];
}

const NUMBER =
  /^\s*(?:\d+\s*[.．、)）:：]?|[一二三四五六七八九十百]+[.．、]|其[一二三四五六七八九十]+(?:[.．、:：]|(?=\s|$)))\s*/u;
const TITLE = /^\s*《[^《》]*》\s*(?:[^，。？！；、,.?!;:：]*[:：])?/u;
const TITLE_AND_COLON = /^[^，。？！；、,.?!;:：]*([:：])\s*/u;

function withoutTitle(row: string, rest: readonly string[]): string {
  const text = row.replace(NUMBER, '').replace(TITLE, '');
  const [prefix, colon] = TITLE_AND_COLON.exec(text) ?? [''];
  const content = text.slice(prefix.length);
  // A full-width colon may also end the first line of a poem.
  const isTitle = colon === ':' || !isRegular([text, ...rest]);
  return isTitle && (content !== '' || rest.length > 0) ? content : text;
}

const QUOTES = /[「」『』“”‘’"'《》〈〉«»‹›〝〞〟]/gu;

/**
 * The lines of a poem, without punctuation, heading, quotation marks, notes in brackets and footnote numbers such as ①.
 *
 * @param text Lines are separated by punctuation or white space.
 */
export function linesOf(text: string): string[] {
  const rows = withoutAnnotations(text).split(/\r\n?|\n/);
  return withoutHeading(rows)
    .join('\n')
    .replace(QUOTES, '')
    .normalize('NFKC')
    .replace(/[\p{Default_Ignorable_Code_Point}]/gu, '')
    .replace(/(\p{Unified_Ideograph})々/gu, '$1$1')
    .split(/[，。？！；：、,.?!;:…\-—\s\p{Cc}]+/u)
    .filter((line) => line !== '');
}

/** Also removes footnotes such as ① and [1]. Text with unmatched brackets keeps its notes. */
function withoutAnnotations(text: string): string {
  return (withoutNotes(text) ?? text).replace(/\p{No}|[[［][\p{Nd}一二三四五六七八九十百]+[\]］]/gu, '');
}

/**
 * The poems of a text: separated by blank lines, or one per line if each line is `title:content` or has four lines of verse. A title followed by a
 * blank line belongs to the poem below it.
 */
export function poemsOf(text: string): string[] {
  const blocks = text
    .replace(/\r\n?/g, '\n')
    .split(/\n\s*\n/)
    .map((block) => block.split('\n').filter((row) => row.trim() !== ''))
    .filter((rows) => rows.length > 0)
    .flatMap((rows) => (isOnePerRow(rows) ? rows.map((row) => [row]) : [rows]));
  const marked = blocks.filter((rows) => rows.some((row) => MARK.test(row)));
  return (
    marked.length > 0 ? blocks.filter((rows) => rows.length > MAX_HEADINGS || marked.includes(rows)) : blocks
  ).map((rows) => rows.join('\n'));
}

/** Whether each row is a poem: `title:content`, or four lines or more. */
function isOnePerRow(rows: readonly string[]): boolean {
  return rows.length > 1 && (rows.every(isTitled) || rows.every(isWhole));
}

function isWhole(row: string): boolean {
  return linesIn(row).length >= 4 && /[。？！.?!][^\p{Script=Han}]*$/u.test(row);
}

/** Whether a row is `title:content`. */
function isTitled(row: string): boolean {
  const [prefix = ''] = TITLE_AND_COLON.exec(row) ?? [];
  return prefix !== '' && MARK.test(row.slice(prefix.length));
}
