import { checkOptions } from '../../config/schemas';
import { headingOf, linesOf } from '../../data/poem-rows';
import { TangshiError } from '../../util/errors';
import {
  COUPLET,
  FORM_NAMES,
  formNamed,
  isCi,
  isRegulated,
  namedPatterns,
  usualRhymeBook,
} from '../form-patterns';
import { lineLengths, type Pattern, parsePattern } from '../pattern';
import { COMMON } from '../reading-share';
import { type RhymeBookName, rhymeBook } from '../rhyme-book';
import { toneSign } from '../tone';
import { checkCouplet } from './couplet';
import type { CheckedLine, Findings, PoemCheck } from './findings';
import { Lines } from './lines';
import { checkOldStyle } from './old-style';
import { formOfShape, hasEqualHalves } from './recognize';
import { checkRegulated } from './regulated';
import { checkTemplate, fitOf } from './template';

/** By which rules to check a poem. */
export type CheckOptions = Readonly<{
  /** One of `FORM_NAMES`. Default: that of the title, if it names a ci, or of the lengths of the lines. */
  form?: string;
  /** A template instead of `form`; docs/verse.md describes the notation. */
  pattern?: string;
  /** Default: 词林正韵 for ci and old-style verse, otherwise 平水韵. */
  rhymeBook?: RhymeBookName;
  /**
   * Whether 三仄尾, 撞韵 and neighbouring rhymes are faults, too; in couplets, equal tones at the ends of phrases, and a
   * first line that ends in a level tone. Default: false.
   */
  strict?: boolean;
}>;

/**
 * Checks a poem against the rules of its form: regulated verse, old-style verse, a couplet, a ci, or a template.
 *
 * A character with several readings counts as the one that fits; a rare one is remarked on.
 *
 * @param text Lines are separated by punctuation or white space. A title, an author, quotation marks, notes in brackets
 * and footnote numbers are left out. Simplified or traditional characters.
 * @param options `form` or `pattern`: the rules; `rhymeBook`; `strict`.
 * @throws ERR_TANGSHI_INVALID_ARG
 * @example
 * checkPoem('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。').ok; // true
 */
export function checkPoem(text: string, options: CheckOptions = {}): PoemCheck {
  if (typeof text !== 'string')
    throw invalid(`Expected a string for text but received ${typeof text}`, undefined);
  checkOptions('check', options);
  if (options.form !== undefined && options.pattern !== undefined)
    throw invalid('form has no effect with pattern: omit one of them', 'pattern');
  const chars = linesOf(text).map((line) => [...line]);
  const form = options.pattern === undefined ? formOf(chars, text, options.form) : undefined;
  const isOld = form === '五古' || form === '七古';
  const book = rhymeBook(options.rhymeBook ?? (isOld ? '词林正韵' : usualRhymeBook(form)));
  const lines = new Lines(chars, book);
  const known = { ...(form === undefined ? {} : { form }), rhymeBook: book.name };
  const found = findingsOf(lines, form, options);
  if ('faults' in found) {
    const { rhymes, faults, remarks } = found;
    return { ...known, ok: faults.length === 0, lines: checkedLines(lines, found), rhymes, faults, remarks };
  }
  return {
    ...known,
    expectedLengths: found,
    lines: checkedLines(lines),
    rhymes: [],
    faults: [],
    remarks: [],
  };
}

/** @throws ERR_TANGSHI_INVALID_ARG for an unknown form. */
function formOf(chars: readonly string[][], text: string, form: string | undefined): string | undefined {
  if (form !== undefined) {
    const name = formNamed(form);
    if (name !== undefined) return name;
    throw invalid(`Unknown form ${JSON.stringify(form)}. Choose ${FORM_NAMES.join(', ')}.`, 'form');
  }
  // A title may also name an earlier song of another shape: 刘禹锡's 浪淘沙 are 七绝.
  const titles = headingOf(text)
    .map(formNamed)
    .filter((name) => name !== undefined && isCi(name)) as string[];
  const fitting = titles.find((name) => namedPatterns(name).some((pattern) => fits(chars, pattern)));
  return fitting ?? formOfShape(chars, rhymeBook('平水韵')) ?? titles[0];
}

function fits(chars: readonly string[][], pattern: Pattern): boolean {
  return fitOf(new Lines(chars, rhymeBook('词林正韵')), pattern) !== 'none';
}

/** The findings; or, if the lines are not those of the form, the lengths that it has. */
function findingsOf(
  lines: Lines,
  form: string | undefined,
  { pattern, strict = false }: CheckOptions,
): Findings | readonly number[] {
  if (pattern !== undefined) return bestOf(lines, [parsePattern(pattern)], strict);
  if (form === undefined) return [];
  if (isCi(form)) return bestOf(lines, namedPatterns(form), strict);
  const lengths = lines.chars.map(({ length }) => length);
  if (form === COUPLET)
    return hasEqualHalves(lengths) ? checkCouplet(lines, strict) : [lengths[0] ?? 7, lengths[0] ?? 7];
  const width = form.startsWith('五') ? 5 : 7;
  const count = { 绝: 4, 律: 8 }[form.slice(1)] ?? Math.max(4, 2 * Math.round(lengths.length / 2));
  if (lengths.length !== count || lengths.some((length) => length !== width)) return Array(count).fill(width);
  return isRegulated(form) ? checkRegulated(lines, strict) : checkOldStyle(lines);
}

/** The findings by the template that fits best. */
function bestOf(lines: Lines, patterns: readonly Pattern[], strict: boolean): Findings | readonly number[] {
  const fitting = (wanted: string) => patterns.filter((pattern) => fitOf(lines, pattern) === wanted);
  const exact = fitting('exact');
  const findings = (exact.length > 0 ? exact : fitting('divided')).map((pattern) =>
    checkTemplate(lines, pattern, strict),
  );
  const [first, ...others] = findings;
  if (!first) return lineLengths(patterns[0] as Pattern);
  return others.reduce((best, other) => (other.faults.length < best.faults.length ? other : best), first);
}

function checkedLines(
  lines: Lines,
  { rhyming = [], remarks = [], toneAt }: Partial<Findings> = {},
): CheckedLine[] {
  const rescued = new Map(
    remarks
      .filter(({ term }) => term === '拗救')
      .map(({ line, index, taken }) => [`${line} ${index}`, taken]),
  );
  const sign = (line: number, index: number) =>
    rescued.get(`${line} ${index}`) ?? signAt(lines, line, index, toneAt?.(line, index));
  return lines.chars.map((chars, line) => ({
    text: chars.join(''),
    tones: chars.map((_, index) => sign(line, index)).join(''),
    rhymes: rhyming.includes(line),
  }));
}

/** The tone of a character: the required one if it has it, otherwise its own. */
function signAt(lines: Lines, line: number, index: number, required: '平' | '仄' | undefined): string {
  const readings = lines.readings(lines.at(line, index));
  const all = new Set(readings.map(({ tone }) => toneSign(tone)));
  if (required !== undefined && all.has(required)) return required;
  const common = new Set(readings.filter(({ share }) => share >= COMMON).map(({ tone }) => toneSign(tone)));
  if (common.size > 1) return '中';
  return [...common][0] ?? [...all][0] ?? '？';
}

function invalid(message: string, option: string | undefined): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
}
