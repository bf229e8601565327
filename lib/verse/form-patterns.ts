import { scriptConverter } from '../util/script-conversion';
import { CI_ALIASES, CI_PATTERNS } from './ci-patterns';
import { knownPattern, MARKS, type Pattern, type Position, parsePattern } from './pattern';
import { regulatedTemplates } from './regulated-patterns';
import { commonReadings, type RhymeBook, type RhymeBookName } from './rhyme-book';
import { opposite, toneSign } from './tone';

/** Lines and characters per line of regulated verse. */
const REGULATED: Readonly<Record<string, readonly [lines: number, width: 5 | 7]>> = {
  五绝: [4, 5],
  七绝: [4, 7],
  五律: [8, 5],
  七律: [8, 7],
  五排: [12, 5],
  七排: [12, 7],
};
/** The same of old-style verse (古体诗), which has rhymes but no tone pattern. */
const OLD_STYLE: Readonly<Record<string, readonly [lines: number, width: 5 | 7]>> = {
  五古: [8, 5],
  七古: [8, 7],
};
const ALIASES: Readonly<Record<string, string>> = {
  五言绝句: '五绝',
  七言绝句: '七绝',
  五言律诗: '五律',
  七言律诗: '七律',
  五言排律: '五排',
  七言排律: '七排',
  五言古诗: '五古',
  七言古诗: '七古',
  五言古风: '五古',
  七言古风: '七古',
  对子: '对联',
  楹联: '对联',
  ...CI_ALIASES,
};
/** Forms whose number of lines can be chosen. */
const ANY_LENGTH = ['五排', '七排', '五古', '七古'];
/** A couplet: its second line follows from the first. */
export const COUPLET = '对联';

/** Names of the forms of verse: regulated verse, old-style verse, couplets, and ci by their tunes (词牌). */
export const FORM_NAMES: readonly string[] = [
  ...Object.keys(REGULATED),
  ...Object.keys(OLD_STYLE),
  COUPLET,
  ...Object.keys(CI_PATTERNS),
];

/** The name in `FORM_NAMES` for a name or alias in either script; undefined if there is none. */
export function formNamed(name: string): string | undefined {
  const known = (simple: string) => (Object.hasOwn(ALIASES, simple) ? ALIASES[simple] : simple) as string;
  const found = known(name);
  if (FORM_NAMES.includes(found)) return found;
  const simplified = known(scriptConverter('to-simplified')(name));
  return FORM_NAMES.includes(simplified) ? simplified : undefined;
}

/** Whether a form has as many lines as one wants. */
export function hasAnyLength(name: string): boolean {
  return ANY_LENGTH.includes(name);
}

/** Whether a form is regulated verse (近体诗). */
export function isRegulated(name: string): boolean {
  return Object.hasOwn(REGULATED, name);
}

/** Whether a form is a ci (词). */
export function isCi(name: string): boolean {
  return Object.hasOwn(CI_PATTERNS, name);
}

/** The rhyme book by which a form is written unless another one is chosen. */
export function usualRhymeBook(name: string | undefined): RhymeBookName {
  return name !== undefined && isCi(name) ? '词林正韵' : '平水韵';
}

/**
 * The patterns of a form other than a couplet.
 *
 * @param name One of `FORM_NAMES`.
 * @param lines For forms of any length.
 */
export function namedPatterns(name: string, lines?: number): Pattern[] {
  const regulated = REGULATED[name];
  if (regulated) return regulatedTemplates(regulated[1], (lines ?? regulated[0]) / 2).map(parsePattern);
  const old = OLD_STYLE[name];
  if (old) return rhymedGrid(lines ?? old[0], old[1]).map(parsePattern);
  return (CI_PATTERNS[name] ?? []).map(knownPattern);
}

/** Lines of equal length; rhymes in even lines, and in one of the two templates also in the first. */
function rhymedGrid(lines: number, width: number): string[] {
  const line = '中'.repeat(width);
  const couplets = Math.floor(lines / 2);
  const last = lines % 2 === 1 ? `${line}。` : '';
  const rhymed = `${line}韵，${line}韵。`;
  const plain = `${line}，${line}韵。`;
  return [plain.repeat(couplets) + last, rhymed + plain.repeat(Math.max(0, couplets - 1)) + last];
}

/** Lines of equal length without rules. */
export function gridPattern(lines: number, width: number): Pattern {
  const line = '中'.repeat(width);
  return parsePattern(
    Array.from({ length: lines }, (_, i) => line + (i % 2 === 1 || i === lines - 1 ? '。' : '，')).join(''),
  );
}

/**
 * Lines of equal length as in regulated verse, for any length of lines: the second, fourth, … characters alternate, the
 * lines of a couplet oppose each other, neighbouring couplets agree; even lines rhyme in a level tone.
 */
export function alternatingPatterns(lines: number, width: number): Pattern[] {
  return [true, false].flatMap((secondIsLevel) =>
    [false, true].map((firstRhymes) => {
      const rows = Array.from({ length: lines }, (_, line) => {
        const second = secondIsLevel === (Math.floor((line + 1) / 2) % 2 === 0);
        const rhymes = line % 2 === 1 || (line === 0 && firstRhymes);
        const inner = Array.from({ length: width - 1 }, (_, i) =>
          i % 2 === 0 ? '中' : signOf(second === (i % 4 === 1)),
        );
        return `${inner.join('')}${rhymes ? '平韵' : '仄'}${line % 2 === 1 || line === lines - 1 ? '。' : '，'}`;
      });
      return parsePattern(rows.join(''));
    }),
  );
}

function signOf(isLevel: boolean): string {
  return isLevel ? '平' : '仄';
}

/**
 * The pattern of a couplet (对联) with a given first half: the second half has its lengths and punctuation, and the
 * opposite tone at every second character and at the end of each phrase.
 */
export function coupletPattern(first: string, book: RhymeBook): Pattern {
  const phrases = first.split(AFTER_MARK).map((phrase) => [...phrase]);
  const half = (toneOf: (chars: readonly string[]) => string) =>
    phrases
      .map((phrase) => toneOf(phrase.filter((char) => !MARKS.includes(char))) + (markOf(phrase) ?? ''))
      .join('');
  const end = phrases.length > 1 ? '。' : '，';
  return parsePattern(
    `${half((chars) => '中'.repeat(chars.length))}${end}${half((chars) => oppositeTones(chars, book))}。`,
  );
}

const AFTER_MARK = new RegExp(`(?<=[${MARKS}])(?![${MARKS}])`, 'u');

function markOf(phrase: readonly string[]): string | undefined {
  return phrase.find((char) => MARKS.includes(char));
}

function oppositeTones(chars: readonly string[], book: RhymeBook): string {
  return chars
    .map((char, i) => {
      const tones = new Set(commonReadings(book, char).map(({ tone }) => tone));
      const [tone] = tones;
      const isFree = tone === undefined || tones.size > 1 || (i % 2 === 0 && i < chars.length - 1);
      return isFree ? '中' : toneSign(opposite(tone));
    })
    .join('');
}

/** A pattern without its rhymes. */
export function withoutRhymes(pattern: Pattern): Pattern {
  return mapPositions(pattern, ({ rhyme: _, ...position }) => position);
}

/** A pattern without tones, except at rhymes and at the end of a first line that does not rhyme with the others. */
export function withoutTones(pattern: Pattern): Pattern {
  const rhymes = pattern.rows.flat(2).some(({ rhyme }) => rhyme !== undefined);
  const firstEnd = (pattern.rows[0]?.[0] ?? []).findIndex(({ mark }) => mark !== undefined) - 1;
  return mapPositions(pattern, ({ tone, ...position }, row, index) => {
    const stays = position.rhyme !== undefined || (rhymes && row === 0 && index === firstEnd);
    return stays ? { ...position, tone } : position;
  });
}

/** A pattern of regulated verse of which only the second, fourth, sixth and last characters of lines count (一三五不论). */
export function loosened(pattern: Pattern): Pattern {
  return {
    ...pattern,
    rows: pattern.rows.map(([usual = [], ...variants]) => [
      loosenedRow(usual, 0),
      // What makes up for a wrong tone stays: the last three characters.
      ...variants.map((variant) => loosenedRow(variant, 3)),
    ]),
  };
}

/** @param kept Number of characters at the end of each line whose tones stay. */
function loosenedRow(positions: readonly Position[], kept: number): Position[] {
  let index = -1;
  return positions.map((position, i) => {
    index = position.mark === undefined ? index + 1 : -1;
    const left = positions.slice(i).findIndex(({ mark }) => mark !== undefined); // characters to the end of the line
    return index % 2 === 0 && left > Math.max(1, kept) ? { ...position, tone: undefined } : position;
  });
}

function mapPositions(
  pattern: Pattern,
  change: (position: Position, row: number, index: number) => Position,
): Pattern {
  const rows = pattern.rows.map((alternatives, row) =>
    alternatives.map((positions) => positions.map((position, index) => change(position, row, index))),
  );
  return { ...pattern, rows };
}
