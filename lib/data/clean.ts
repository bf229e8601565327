import type { CorpusRecord } from './corpus';

/**
 * How records become poems; docs/data.md has the rules.
 *
 * - `classic`: the original program's to the letter
 * - `modern`: Han characters and ，。？！；：、 come out, each poem once
 * - `plain`: any text, as it is, a line each
 */
export type CleaningRules = 'classic' | 'modern' | 'plain';

export const REJECTIONS = [
  'blank', // nothing on the line, or nothing but marks and notes
  'format', // not `title:content`, or JSON of another form
  'skip-character', // classic: one of _ ( （ 《 [ G E
  'note', // modern: a bracket that is not closed, a footnote's number
  'latin', // modern: a Latin letter or a digit, which stands for a lost character in many editions
  'damaged', // □ and other signs of a lost character, bytes that are no UTF-8, control or private-use characters
  'foreign', // modern: any other character that is neither Han nor one of ，。？！；：、
  'unfinished', // modern: not one whole sentence
  'too-short', // fewer than 5 characters
  'too-long', // more than 80 characters, or in plain 1,000
  'duplicate', // modern: the same text was there before
  'vocabulary', // a character outside a given vocabulary that has no UNK
  'held-out', // of an extra corpus: it has a line of a poem that is held out
] as const;
/** Why a record does not become a poem; docs/data.md says when. */
export type Rejection = (typeof REJECTIONS)[number];

/** How many records were read, became poems, and were left out by reason: `read` = `kept` + the sum of `rejected`. */
export type Tally = { read: number; kept: number; rejected: Record<Rejection, number> };

/** A poem's text, or the reason against it. */
export type Cleaned = Readonly<{ text: string; rejection?: never } | { text?: never; rejection: Rejection }>;

/** Characters of a poem, punctuation counted. */
export const MIN_LENGTH = 5;
export const MAX_LENGTH = 80;

/**
 * Cleans record after record and keeps count. In `modern`, one cleaner lets one text through once.
 *
 * @example
 * const cleaner = new Cleaner('modern');
 * for await (const record of readCorpus(path)) {
 *   const poem = cleaner.clean(record);
 *   if (poem !== undefined) poems.push(poem);
 * }
 * console.log(cleaner.tally.rejected.damaged);
 */
export class Cleaner {
  /** Of all records so far. */
  readonly tally: Tally = {
    read: 0,
    kept: 0,
    rejected: Object.fromEntries(REJECTIONS.map((reason) => [reason, 0])) as Record<Rejection, number>,
  };
  readonly #rules: CleaningRules;
  readonly #seen = new Set<string>();

  /** With nothing read yet. */
  constructor(rules: CleaningRules) {
    this.#rules = rules;
  }

  /** The poem, or undefined when the record is rejected. */
  clean(record: CorpusRecord): string | undefined {
    const { text, rejection } = this.#judge(record);
    this.tally.read++;
    if (rejection !== undefined) this.tally.rejected[rejection]++;
    else this.tally.kept++;
    return text;
  }

  #judge(record: CorpusRecord): Cleaned {
    if (record.fault !== undefined) return { rejection: record.fault };
    if (this.#rules === 'classic') return cleanClassic(record);
    if (this.#rules === 'plain') return cleanPlain(record);
    const cleaned = cleanModern(record);
    if (cleaned.text === undefined) return cleaned;
    if (this.#seen.has(cleaned.text)) return { rejection: 'duplicate' };
    this.#seen.add(cleaned.text);
    return cleaned;
  }
}

/**
 * The original's `process_poems1` (titled) and `process_poems2` (lines), where Python and JavaScript differ as
 * Python has it. JSON, which the original did not read, is treated as the content of a titled line. Text that
 * is damaged below the level of characters, where the original stopped with a traceback, is rejected.
 */
export function cleanClassic({ format, text }: CorpusRecord): Cleaned {
  if (/\uFFFD|\p{Surrogate}/u.test(text)) return { rejection: 'damaged' };
  let content = pythonStrip(text);
  if (format === 'lines') {
    if (content === '') return { rejection: 'blank' };
    content = content.replaceAll('  ', '').replace(/[，。]/g, '');
  } else {
    if (format === 'titled') {
      const parts = content.split(':');
      if (parts.length !== 2) return { rejection: 'format' };
      content = parts[1] as string;
    }
    content = content.replaceAll(' ', '');
  }
  if (/[_(（《[GE]/.test(content)) return { rejection: 'skip-character' };
  return limited(content);
}

const NEWLY_PYTHON = [0x1c, 0x1d, 0x1e, 0x1f, 0x85].map((code) => String.fromCharCode(code));

/** Python's str.strip(): JavaScript's white space, with five control characters more and the BOM less. */
function pythonStrip(text: string): string {
  const isSpace = (char: string | undefined) =>
    char !== undefined && char !== '\uFEFF' && (/\s/.test(char) || NEWLY_PYTHON.includes(char));
  let start = 0;
  let end = text.length;
  while (isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.slice(start, end);
}

/** Far above any poem with its notes; what is longer is not worth normalising. */
const MAX_RAW = 20_000;
const MARKS: Readonly<Record<string, string>> = {
  ',': '，',
  '.': '。',
  '?': '？',
  '!': '！',
  ';': '；',
  ':': '：',
};

/**
 * Han characters (astral ones whole) and ，。？！；：、 come out, or nothing:
 * - compatibility forms become ordinary ones, white space and invisible characters go
 * - bracketed notes go, with their brackets: （一作某）; quotation marks go, the quoted stays; [某] is an editor's
 *   restoration and stays
 * - 々 becomes the character before it
 * - a run of marks becomes its strongest; a mark at the front goes; an unfinished sentence at the end goes
 * - what is damaged or foreign after this is rejected
 *
 * Cleaning what is clean changes nothing.
 */
export function cleanModern({ format, text }: CorpusRecord): Cleaned {
  if (text.length > MAX_RAW) return { rejection: 'too-long' };
  if (text.trim() === '') return { rejection: 'blank' };
  const content = format === 'titled' ? afterTitle(text) : text;
  if (content === undefined) return { rejection: 'format' };

  const plain = content
    .replace(/︰/g, '：') // the compatibility form would be two full stops
    .replace(/[…⋯]/g, '□') // a gap; here it would be three
    .replace(/[\s\p{Default_Ignorable_Code_Point}]/gu, '')
    .normalize('NFKC')
    .replace(/\s/g, ''); // some compatibility forms hold a space
  const body = withoutNotes(plain);
  if (body === undefined) return { rejection: 'note' };
  const marked = body
    .replace(/[「」『』“”‘’"'《》〈〉«»‹›〝〞〟]/g, '')
    .replace(/(\p{Unified_Ideograph})々/gu, '$1$1')
    .replace(/\.{2,}/g, '□')
    .replace(/[,.?!;:]/g, (mark) => MARKS[mark] as string);

  const rejection = strangeness(marked);
  if (rejection !== undefined) return { rejection };
  if (!/\p{Unified_Ideograph}/u.test(marked)) return { rejection: 'blank' };
  const punctuated = punctuate(marked);
  return punctuated === '' ? { rejection: 'unfinished' } : limited(punctuated);
}

/** After the only ASCII colon or, where there is none, after the first full-width one. */
function afterTitle(line: string): string | undefined {
  const [, content, more] = line.split(':');
  if (more !== undefined) return undefined;
  if (content !== undefined) return content;
  const colon = line.indexOf('：');
  return colon < 0 ? undefined : line.slice(colon + 1);
}

/** Of a text that is no poem. */
const MAX_PLAIN = 1000;

/** Text in any language, a line each: white space at its ends goes, and what is damaged is rejected. */
export function cleanPlain({ text }: CorpusRecord): Cleaned {
  const line = text.trim();
  if (line === '') return { rejection: 'blank' };
  if (/[\uFFFD\p{Cs}]/u.test(line)) return { rejection: 'damaged' };
  return codePoints(line) > MAX_PLAIN ? { rejection: 'too-long' } : { text: line };
}

const NOTE_OPEN = '(【〖〔〘';
const NOTE_CLOSE = ')】〗〕〙';

/** Undefined when brackets do not match, or hold a footnote's number. Notes may be nested. */
function withoutNotes(text: string): string | undefined {
  let depth = 0;
  let body = '';
  for (const char of text) {
    if (NOTE_OPEN.includes(char)) depth++;
    else if (NOTE_CLOSE.includes(char)) depth--;
    else if (depth === 0) body += char;
    if (depth < 0) return undefined;
  }
  if (depth > 0) return undefined;
  const restored = body.replace(/\[(\p{Unified_Ideograph}+)\]/gu, (whole, inside: string) =>
    /^[一二三四五六七八九十百]+$/.test(inside) ? whole : inside,
  );
  return /[[\]]/.test(restored) ? undefined : restored;
}

function strangeness(text: string): Rejection | undefined {
  // Geometric shapes and 〇 stand for lost characters, braces and ⿰ describe characters that have no code.
  if (/[□■○●◎◇◆△▲〇〓{}⿰-⿿\uFFFD\p{Co}\p{Cs}\p{Cc}\p{Cn}]/u.test(text)) return 'damaged';
  if (/[\p{Script=Latin}\p{Nd}]/u.test(text)) return 'latin';
  if (/[^\p{Unified_Ideograph}，。？！；：、]/u.test(text)) return 'foreign';
  return undefined;
}

/** Strongest first. The first three end a sentence. */
const STRENGTH = '？！。；：，、';

/** Empty when there are marks, but none that ends a sentence. */
function punctuate(text: string): string {
  const single = text
    .replace(/[，。？！；：、]{2,}/g, (run) => [...STRENGTH].find((mark) => run.includes(mark)) as string)
    .replace(/^[，。？！；：、]/, '');
  if (!/[，。？！；：、]/.test(single)) return single; // written without punctuation altogether
  if (/\p{Unified_Ideograph}$/u.test(single)) return `${single}。`;
  const end = Math.max(...['？', '！', '。'].map((mark) => single.lastIndexOf(mark)));
  return single.slice(0, end + 1);
}

function limited(text: string): Cleaned {
  const length = codePoints(text);
  if (length < MIN_LENGTH) return { rejection: 'too-short' };
  if (length > MAX_LENGTH) return { rejection: 'too-long' };
  return { text };
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
