import { TangshiError } from '../util/errors';
import { requireObject, requireString } from '../util/guards';
import type { CorpusRecord } from './corpus';
import { withoutNotes } from './notes';
import { FULL_WIDTH } from './punctuation';

export const CLEANING_RULES = ['classic', 'modern', 'plain'] as const;
/**
 * How records become poems; the rules are in docs/data.md.
 *
 * - `classic`: exactly the rules of the original program
 * - `modern`: Han characters and ，。？！；：、 remain; duplicates are dropped
 * - `plain`: any text in any language, unchanged, one per line
 */
export type CleaningRules = (typeof CLEANING_RULES)[number];

export const REJECTIONS = [
  'blank', // an empty line, or only punctuation and notes
  'format', // not `title:content`, or JSON without an array of strings as `paragraphs`
  'skip-character', // classic: contains one of _ ( （ 《 [ G E
  'note', // modern: an unmatched bracket, or a footnote number
  'latin', // modern: a Latin letter or digit, which marks a lost character in many editions
  'damaged', // □ and other marks of a lost character, invalid UTF-8, control or private-use characters
  'foreign', // modern: any other character that is not Han or one of ，。？！；：、
  'unfinished', // modern: no complete sentence
  'too-short', // fewer than 5 characters
  'too-long', // more than 80 characters, or the limit of the corpus; plain: more than 1,000
  'duplicate', // modern: the same text as an earlier poem
  'vocabulary', // a character outside a given vocabulary without UNK
  'held-out', // extra corpora: shares a line with a held-out poem
] as const;
/** Why a record does not become a poem; see docs/data.md. */
export type Rejection = (typeof REJECTIONS)[number];

/** Number of records read, kept and rejected, by reason: `read` = `kept` + the sum of `rejected`. */
export type Tally = { read: number; kept: number; rejected: Record<Rejection, number> };

/** The text of a poem, or the reason for rejecting the record. */
export type Cleaned = Readonly<{ text: string; rejection?: never } | { text?: never; rejection: Rejection }>;

/** Length of a poem in characters, including punctuation. A corpus may have another maximum. */
export const MIN_LENGTH = 5;
export const MAX_LENGTH = 80;

/**
 * Cleans records and counts the outcomes. Under `modern`, a cleaner accepts each text once.
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
  /** Counts for all records so far. */
  readonly tally: Tally = {
    read: 0,
    kept: 0,
    rejected: Object.fromEntries(REJECTIONS.map((reason) => [reason, 0])) as Record<Rejection, number>,
  };
  readonly #rules: CleaningRules;
  readonly #seen = new Set<string>();

  /**
   * @param rules How records become poems.
   * @throws ERR_TANGSHI_INVALID_ARG
   */
  constructor(rules: CleaningRules) {
    if (!CLEANING_RULES.includes(rules))
      throw new TangshiError(
        'ERR_TANGSHI_INVALID_ARG',
        `Unknown cleaning rules ${JSON.stringify(rules)}. Choose ${CLEANING_RULES.join(', ')}.`,
        { option: 'cleaning' },
      );
    this.#rules = rules;
  }

  /** Returns the poem, or undefined if the record is rejected. */
  clean(record: CorpusRecord): string | undefined {
    requireObject(record, 'record');
    requireString(record.text, 'record.text');
    const { text, rejection } = this.#cleanOnce(record);
    this.tally.read++;
    if (rejection !== undefined) this.tally.rejected[rejection]++;
    else this.tally.kept++;
    return text;
  }

  #cleanOnce(record: CorpusRecord): Cleaned {
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
 * The original program's `process_poems1` (titled) and `process_poems2` (lines), with Python's semantics where
 * JavaScript's differ. JSON, which the original program did not read, is treated as the content of a titled line.
 * Invalid UTF-8, where it stopped with a traceback, is rejected.
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

/** Python's str.strip(): JavaScript's white space plus five control characters, minus the BOM. */
function pythonStrip(text: string): string {
  const isSpace = (char: string | undefined) =>
    char !== undefined && char !== '\uFEFF' && (/\s/.test(char) || NEWLY_PYTHON.includes(char));
  let start = 0;
  let end = text.length;
  while (isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.slice(start, end);
}

/** UTF-16 units, far above any poem with its notes: longer text is not normalized. */
const MAX_RAW = 20_000;

/**
 * Reduces text to Han characters (including those beyond the BMP) and ，。？！；：、:
 * - normalizes compatibility forms; removes white space and invisible characters
 * - removes notes in brackets, such as （一作某）, and quotation marks; keeps the character in an editor's restoration, [某]
 * - replaces 々 by the character before it
 * - reduces a run of punctuation marks to its strongest; removes a mark at the front and an unfinished sentence at the end
 * - rejects the text if a damaged or foreign character remains
 *
 * Idempotent.
 */
export function cleanModern({ format, text, maxLength }: CorpusRecord): Cleaned {
  if (text.length > MAX_RAW) return { rejection: 'too-long' };
  if (text.trim() === '') return { rejection: 'blank' };
  const content = format === 'titled' ? afterTitle(text) : text;
  if (content === undefined) return { rejection: 'format' };

  const plain = content
    .replace(/︰/g, '：') // NFKC would make it two dots
    .replace(/[…⋯]/g, '□') // a gap; NFKC would make it three dots
    .replace(/[\s\p{Default_Ignorable_Code_Point}]/gu, '')
    .normalize('NFKC')
    .replace(/\s/g, ''); // some compatibility forms contain a space
  const body = withoutNotes(plain);
  if (body === undefined || /[[\]]/.test(body)) return { rejection: 'note' }; // unmatched brackets, a footnote
  const marked = body
    .replace(/[「」『』“”‘’"'《》〈〉«»‹›〝〞〟]/g, '')
    .replace(/(\p{Unified_Ideograph})々/gu, '$1$1')
    .replace(/\.{2,}/g, '□')
    .replace(/[,.?!;:]/g, (mark) => FULL_WIDTH[mark] as string);

  const rejection = rejectionOf(marked);
  if (rejection !== undefined) return { rejection };
  if (!/\p{Unified_Ideograph}/u.test(marked)) return { rejection: 'blank' };
  const punctuated = punctuate(marked);
  return punctuated === '' ? { rejection: 'unfinished' } : limited(punctuated, maxLength);
}

/** The text after the only ASCII colon or, if there is none, after the first full-width colon; without any, after a title in 《》. */
function afterTitle(line: string): string | undefined {
  const [, content, more] = line.split(':');
  if (more !== undefined) return undefined;
  if (content !== undefined) return content;
  const colon = line.indexOf('：');
  return colon < 0 ? /^\s*《[^《》]*》(.+)$/u.exec(line)?.[1] : line.slice(colon + 1);
}

/** Characters of a text under `plain`. */
const MAX_PLAIN = 1000;

/** Text in any language, one per line: trims white space and rejects damaged text. */
export function cleanPlain({ text }: CorpusRecord): Cleaned {
  const line = text.trim();
  if (line === '') return { rejection: 'blank' };
  if (/[\uFFFD\p{Cs}]/u.test(line)) return { rejection: 'damaged' };
  return codePoints(line) > MAX_PLAIN ? { rejection: 'too-long' } : { text: line };
}

function rejectionOf(text: string): Rejection | undefined {
  // Geometric shapes and 〇 mark lost characters; braces and ⿰ describe characters without a code point.
  if (/[□■○●◎◇◆△▲〇〓{}⿰-⿿\uFFFD\p{Co}\p{Cs}\p{Cc}\p{Cn}]/u.test(text)) return 'damaged';
  if (/[\p{Script=Latin}\p{Nd}]/u.test(text)) return 'latin';
  if (/[^\p{Unified_Ideograph}，。？！；：、]/u.test(text)) return 'foreign';
  return undefined;
}

/** Strongest first. The first three end a sentence. */
const STRENGTH = '？！。；：，、';

/** Normalizes punctuation. Empty if there are marks, but none that ends a sentence. */
function punctuate(text: string): string {
  const single = text
    .replace(/[，。？！；：、]{2,}/g, (run) => [...STRENGTH].find((mark) => run.includes(mark)) as string)
    .replace(/^[，。？！；：、]/, '');
  if (!/[，。？！；：、]/.test(single)) return single; // no punctuation at all
  if (/\p{Unified_Ideograph}$/u.test(single)) return `${single}。`;
  const end = Math.max(...['？', '！', '。'].map((mark) => single.lastIndexOf(mark)));
  return single.slice(0, end + 1);
}

function limited(text: string, maxLength = MAX_LENGTH): Cleaned {
  const length = codePoints(text);
  if (length < MIN_LENGTH) return { rejection: 'too-short' };
  if (length > maxLength) return { rejection: 'too-long' };
  return { text };
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
