import { TangshiError } from '../util/errors';
import { scriptConverter } from '../util/script-conversion';
import {
  alternatingPatterns,
  COUPLET,
  coupletPattern,
  FORM_NAMES,
  formNamed,
  gridPattern,
  hasAnyLength,
  isRegulated,
  loosened,
  namedPatterns,
  usualRhymeBook,
  withoutRhymes,
  withoutTones,
} from './form-patterns';
import { MARKS, type Pattern, parsePattern } from './pattern';
import { type RhymeBook, type RhymeBookName, rhymeBook } from './rhyme-book';

/**
 * Which tones a poem keeps.
 *
 * - `strict`: those of its template
 * - `loose`: in regulated verse, only the second, fourth, sixth and last characters of lines
 * - `off`: none
 */
export type ToneRule = 'strict' | 'loose' | 'off';

/** The form of a poem and its rules. */
export type FormOptions = Readonly<{
  /**
   * A form of regulated verse (五绝, 七绝, 五律, 七律, 五排, 七排), old-style verse (五古, 七古), a couplet (对联), a ci by its tune
   * (词牌, such as 如梦令), or lines x characters per line, up to 40x20. `FORM_NAMES` has all names. A couplet needs its first
   * line as `prompt`.
   */
  form?: string;
  /** A template of one's own instead of `form`, such as `平平仄仄平平韵。`; docs/verse.md describes the notation. */
  pattern?: string;
  /** Number of lines of 五排, 七排, 五古 and 七古: even, 4 to 40. Default: 12 for 排, 8 for 古. */
  lines?: number;
  /**
   * First characters of the lines. Without `form`: one line per character, of seven characters if their number is even,
   * otherwise of five.
   */
  acrostic?: string;
  /** Whether lines rhyme. Default: as the form does; `false` for lines x characters. */
  rhyme?: boolean;
  /** Default: `strict`, but `off` for lines x characters. */
  tone?: ToneRule;
  /** The rhyme group, such as 东 of the 平水韵. Default: chosen by the model. */
  rhymeGroup?: string;
  /** Default: 词林正韵 for a ci, otherwise 平水韵. */
  rhymeBook?: RhymeBookName;
}>;

/** The options with all defaults filled in. */
export type FormRules = Readonly<{
  /** One of `FORM_NAMES`; undefined for lines x characters, a template or an acrostic alone. */
  name: string | undefined;
  /** Patterns to choose from: all have the same lines. */
  patterns: readonly Pattern[];
  /** One character per line, or empty. */
  acrostic: readonly string[];
  /** Undefined if neither tones nor rhymes matter. */
  book: RhymeBook | undefined;
  /** Index of the rhyme group, if it is given. */
  rhymeGroup: number | undefined;
}>;

const TONE_RULES: readonly unknown[] = ['strict', 'loose', 'off'];
const MAX_LINES = 40;
const MAX_WIDTH = 20;
/** Highest number of characters in the first line of a couplet. */
const MAX_COUPLET = 100;
const HAN = /^\p{Script=Han}$/u;

/** Whether a value is the name of a form, or lines x characters within the limits. */
export function isFormName(value: unknown): value is string {
  return typeof value === 'string' && (formNamed(value) !== undefined || sizeOf(value) !== undefined);
}

/** Whether a value is a tone rule. */
export function isToneRule(value: unknown): value is ToneRule {
  return TONE_RULES.includes(value);
}

/**
 * @param prompt The beginning of the poem; the first line of a couplet.
 * @throws ERR_TANGSHI_INVALID_ARG for an unknown form, and for options that contradict each other.
 */
export function formRules(options: FormOptions, prompt: string): FormRules {
  const { form, pattern, acrostic, rhymeGroup } = options;
  const heads = [...(acrostic ?? '')];
  if (acrostic !== undefined && (heads.length === 0 || !heads.every((char) => HAN.test(char))))
    throw invalid(
      `Expected Han characters for acrostic but received ${JSON.stringify(acrostic)}`,
      'acrostic',
    );
  if (form !== undefined && pattern !== undefined)
    throw invalid('form has no effect with pattern: omit one of them', 'pattern');
  checkContradictions(options);
  const name = form === undefined ? undefined : knownForm(form);
  const book = rhymeBook(options.rhymeBook ?? usualRhymeBook(name));
  const patterns = patternsOf(options, name, heads, prompt, book);
  const positions = patterns.flatMap(({ rows }) => rows.flat(2));
  const isRuled = positions.some(({ tone, rhyme }) => tone !== undefined || rhyme !== undefined);
  const useless = positions.every(({ rhyme }) => rhyme === undefined)
    ? (['rhymeGroup', 'rhyme'] as const).find((option) => options[option])
    : undefined;
  if (useless) throw invalid(`${useless} has no effect in a form without rhymes`, useless);
  if (rhymeGroup !== undefined && new Set(positions.map(({ rhyme }) => rhyme ?? 0)).size > 1)
    throw invalid('rhymeGroup has no effect in a form with several rhymes', 'rhymeGroup');
  return {
    name,
    patterns,
    acrostic: heads,
    book: isRuled ? book : undefined,
    rhymeGroup: rhymeGroup === undefined ? undefined : groupNamed(rhymeGroup, book),
  };
}

function checkContradictions({ form, lines, rhyme, tone, rhymeGroup, rhymeBook: book }: FormOptions): void {
  if (rhyme === false && rhymeGroup !== undefined)
    throw invalid('rhymeGroup has no effect without rhyme', 'rhymeGroup');
  if (rhyme === false && tone === 'off' && book !== undefined)
    throw invalid('rhymeBook has no effect without rhyme and tones', 'rhymeBook');
  if (lines === undefined) return;
  const name = form === undefined ? undefined : formNamed(form);
  if (name === undefined || !hasAnyLength(name))
    throw invalid('lines needs a form whose length can be chosen: 五排, 七排, 五古 or 七古', 'lines');
  if (lines % 2 !== 0 || lines < 4 || lines > MAX_LINES)
    throw invalid(`Expected an even number of lines from 4 to ${MAX_LINES} but received ${lines}`, 'lines');
}

function patternsOf(
  options: FormOptions,
  name: string | undefined,
  heads: readonly string[],
  prompt: string,
  book: RhymeBook,
): readonly Pattern[] {
  const { form, pattern, lines, tone, rhyme } = options;
  if (pattern !== undefined) return refined([parsePattern(pattern)], options, false);
  if (name === COUPLET) return refined([coupletPattern(firstLine(prompt), book)], options, false);
  if (name !== undefined && sizeOf(name) === undefined) {
    const patterns = namedPatterns(name, lines);
    // Variants of a ci that are written less often only serve to check.
    const written = isRegulated(name)
      ? patterns
      : patterns.filter((other) => hasSameLines(other, patterns[0]));
    return refined(written, options, isRegulated(name));
  }
  const [count, width] =
    form === undefined ? acrosticSize(heads) : (sizeOf(form) as readonly [number, number]);
  const rhymes = rhyme ?? options.rhymeGroup !== undefined;
  if (!rhymes && (tone ?? 'off') === 'off') return [gridPattern(count, width)];
  return refined(
    gridPatterns(count, width, tone ?? 'off'),
    { ...options, rhyme: rhymes, tone: tone ?? 'off' },
    true,
  );
}

function gridPatterns(lines: number, width: number, tone: ToneRule): Pattern[] {
  const regulated = [4, 6, 8].includes(lines) && (width === 5 || width === 7);
  if (regulated && tone === 'strict') return namedPatterns(width === 5 ? '五排' : '七排', lines);
  return alternatingPatterns(lines, width);
}

/** Without the rhymes or tones that the options turn off. */
function refined(
  patterns: readonly Pattern[],
  { tone, rhyme }: FormOptions,
  canBeLoose: boolean,
): readonly Pattern[] {
  if (tone === 'loose' && !canBeLoose)
    throw invalid("tone 'loose' is a rule of regulated verse: choose strict or off", 'tone');
  const rhymed = rhyme === false ? patterns.map(withoutRhymes) : patterns;
  if (tone === 'off') return rhymed.map(withoutTones);
  return tone === 'loose' ? rhymed.map(loosened) : rhymed;
}

function hasSameLines(pattern: Pattern, other: Pattern | undefined): boolean {
  const shape = (of: Pattern | undefined) =>
    of?.rows.map(([usual = []]) => usual.map(({ mark }) => mark ?? '中').join('')).join();
  return shape(pattern) === shape(other);
}

/** @throws ERR_TANGSHI_INVALID_ARG if there is none. */
function firstLine(prompt: string): string {
  const line = prompt.replace(/\s+/gu, '').replace(new RegExp(`[${MARKS}]+$`, 'u'), '');
  const { length } = [...line];
  if (length > MAX_COUPLET)
    throw invalid(
      `The first line of a couplet may have ${MAX_COUPLET} characters, but has ${length}`,
      'prompt',
    );
  if (line !== '') return line;
  throw invalid('A couplet needs its first line as the prompt, such as 春风得意马蹄疾', 'prompt');
}

function acrosticSize({ length }: readonly string[]): readonly [lines: number, width: number] {
  return [length, length % 2 === 0 ? 7 : 5];
}

function knownForm(form: string): string {
  const name = formNamed(form) ?? (sizeOf(form) ? form : undefined);
  if (name !== undefined) return name;
  throw invalid(
    `Unknown form ${JSON.stringify(form)}. Choose ${FORM_NAMES.join(', ')}, or LxC such as 6x4 (up to ${MAX_LINES}x${MAX_WIDTH}).`,
    'form',
  );
}

function sizeOf(form: string): readonly [lines: number, width: number] | undefined {
  const [, lines, width] = /^(\d{1,2})[x×](\d{1,2})$/.exec(form)?.map(Number) ?? [];
  return width && lines && width <= MAX_WIDTH && lines <= MAX_LINES ? [lines, width] : undefined;
}

function groupNamed(name: string, book: RhymeBook): number {
  const index = [name, scriptConverter('to-simplified')(name)]
    .map((group) => book.groups.indexOf(group))
    .find((found) => found >= 0);
  if (index !== undefined) return index;
  throw invalid(
    `Unknown rhyme group ${JSON.stringify(name)} of the ${book.name}. Choose one of ${book.groups.join(', ')}.`,
    'rhymeGroup',
  );
}

function invalid(message: string, option: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
}
