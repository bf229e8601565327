import { linesOf } from '../data/poem-rows';
import { TangshiError } from '../util/errors';
import { Prosody, RHYME_GROUPS, type RhymeGroup } from './readings';

/** The rules of regulated verse. Shares only the readings with `forms.ts`, so that it can check the output of forms. */

/** The four fixed forms. */
export type RegulatedForm = '五绝' | '七绝' | '五律' | '七律';

/** A check of a poem against the rules of regulated verse. */
export type PoemCheck = Readonly<{
  /** Absent for any other shape, for which rhyme and tones are not checked. */
  form?: RegulatedForm;
  /** In order, without punctuation. */
  lines: readonly CheckedLine[];
  /** Whether the lines rhyme as required. */
  rhyme?: Readonly<{
    ok: boolean;
    /** The rhyme groups that all rhymes share. */
    groups: readonly RhymeGroup[];
    faults: readonly RhymeFault[];
  }>;
  /** Whether the tone pattern is kept. */
  tone?: Readonly<{ ok: boolean; faults: readonly ToneFault[] }>;
}>;

/** A line of a checked poem. */
export type CheckedLine = Readonly<{
  /** Without punctuation. */
  text: string;
  /** One sign per character: 平, 仄, 中 for either, ？ for an unknown reading. */
  tones: string;
  /** Whether the line rhymes: even lines, and the first one if it rhymes with them. */
  rhymes: boolean;
}>;

/** The position of a character. */
type Position = Readonly<{
  /** Index into `lines`, from 0. */
  line: number;
  /** Index of the character in the line, from 0. */
  index: number;
  /** The character. */
  found: string;
}>;

/** A character with the wrong tone (`tone`), or with an unknown reading (`unknown-reading`). */
export type ToneFault = Position &
  Readonly<{
    rule: 'tone' | 'unknown-reading';
    /** The tone that the pattern requires: level or oblique. */
    expected: '平' | '仄';
  }>;

/**
 * A character at the end of a line that does not rhyme as required.
 *
 * - `no-level-rhyme`: it has no reading in a level rhyme group
 * - `rhyme-group`: it shares no group with the rhymes before it
 * - `repeated-rhyme`: an earlier line rhymes on the same character
 * - `first-line`: the first line ends in a level tone without rhyming
 */
export type RhymeFault = Position &
  Readonly<{
    rule: 'no-level-rhyme' | 'rhyme-group' | 'repeated-rhyme' | 'first-line';
    /** The groups allowed for the rhyme; empty if any group is allowed. */
    expected: readonly RhymeGroup[];
  }>;

const FORMS: Readonly<Record<string, RegulatedForm>> = {
  '4x5': '五绝',
  '4x7': '七绝',
  '8x5': '五律',
  '8x7': '七律',
};
const ALL_GROUPS = -1;

/**
 * Checks a poem against the rules of regulated verse.
 *
 * - Rhyme: even lines end in level characters of one rhyme group, without repeating a character. The first line may
 *   rhyme too; otherwise it ends in an oblique tone.
 * - Tones of the second, fourth and sixth characters: alternate within a line, oppose between the lines of a couplet
 *   and agree between neighbouring couplets. Even lines end in a level tone, odd lines (after the first) in an oblique
 *   one.
 *
 * A character with several readings counts as the one that fits.
 *
 * @param text Lines are separated by punctuation or white space. A title, an author, quotation marks, notes in brackets
 * and footnote numbers are left out.
 * @param prosody Default: `Prosody.load()`.
 * @example
 * checkPoem('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。').tone?.ok; // true
 */
export function checkPoem(text: string, prosody: Prosody = Prosody.load()): PoemCheck {
  if (typeof text !== 'string')
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Expected a string for text but received ${typeof text}`,
    );
  const lines = linesOf(text).map((line) => [...line]);
  const form = formOf(lines);
  const rhyme = form && checkRhyme(lines, prosody);
  const checked = lines.map((chars, i) => ({
    text: chars.join(''),
    tones: chars.map((char) => toneSign(char, prosody)).join(''),
    rhymes: rhyme !== undefined && (i % 2 === 1 || (i === 0 && rhyme.firstRhymes)),
  }));
  if (form === undefined || rhyme === undefined) return { lines: checked };
  const { groups, faults } = rhyme;
  const toneFaults = checkTones(lines, prosody);
  return {
    form,
    lines: checked,
    rhyme: { ok: faults.length === 0, groups, faults },
    tone: { ok: toneFaults.length === 0, faults: toneFaults },
  };
}

function formOf(lines: readonly string[][]): RegulatedForm | undefined {
  const width = lines[0]?.length ?? 0;
  return lines.every((line) => line.length === width) ? FORMS[`${lines.length}x${width}`] : undefined;
}

function toneSign(char: string, prosody: Prosody): string {
  const { level, oblique } = prosody.reading(char);
  if (level && oblique) return '中';
  return level ? '平' : oblique ? '仄' : '？';
}

type RhymeCheck = Readonly<{
  groups: readonly RhymeGroup[];
  faults: readonly RhymeFault[];
  firstRhymes: boolean;
}>;

function checkRhyme(lines: readonly string[][], prosody: Prosody): RhymeCheck {
  const ends = lines.map((line, i) => ({ line: i, index: line.length - 1, found: line.at(-1) as string }));
  const first = ends[0] as Position;
  const even = ends.filter(({ line }) => line % 2 === 1);
  const { shared, faults } = checkGroups(even, prosody);

  const { level, oblique, groups: firstGroups } = prosody.reading(first.found);
  const common = shared & firstGroups;
  const firstRhymes = common !== 0;
  faults.push(...repeatedRhymes(firstRhymes ? [first, ...even] : even));
  if (!firstRhymes && level && !oblique)
    faults.push({ ...first, rule: 'first-line', expected: namesOf(shared) });
  return { groups: namesOf(firstRhymes ? common : shared), faults, firstRhymes };
}

/** Finds the groups that all rhymes share; `shared` is 0 if there is none. */
function checkGroups(rhymes: readonly Position[], prosody: Prosody) {
  const faults: RhymeFault[] = [];
  let shared = ALL_GROUPS; // groups shared by the rhymes so far
  for (const rhyme of rhymes) {
    const { groups } = prosody.reading(rhyme.found);
    if (groups === 0) faults.push({ ...rhyme, rule: 'no-level-rhyme', expected: namesOf(shared) });
    else if ((groups & shared) === 0)
      faults.push({ ...rhyme, rule: 'rhyme-group', expected: namesOf(shared) });
    else shared &= groups;
  }
  return { shared: faults.length === 0 ? shared : 0, faults };
}

function repeatedRhymes(rhymes: readonly Position[]): RhymeFault[] {
  return rhymes
    .filter(({ found }, i) => rhymes.findIndex((other) => other.found === found) < i)
    .map((rhyme) => ({ ...rhyme, rule: 'repeated-rhyme', expected: [] }));
}

function namesOf(groups: number): RhymeGroup[] {
  return groups === ALL_GROUPS ? [] : RHYME_GROUPS.filter((_, bit) => ((groups >> bit) & 1) === 1);
}

/** Of the two patterns, which differ in the second character of the first line, the one with fewer errors. */
function checkTones(lines: readonly string[][], prosody: Prosody): ToneFault[] {
  const level = toneFaults(lines, true, prosody);
  const oblique = toneFaults(lines, false, prosody);
  return level.length <= oblique.length ? level : oblique;
}

function toneFaults(lines: readonly string[][], secondIsLevel: boolean, prosody: Prosody): ToneFault[] {
  const faults: ToneFault[] = [];
  let second = secondIsLevel;
  for (const [line, chars] of lines.entries()) {
    // The second line of a couplet opposes the first; the next couplet begins like it.
    if (line % 2 === 1) second = !second;
    let level = second;
    for (let index = 1; index < chars.length - 1; index += 2) {
      expectTone(line, index, level);
      level = !level;
    }
    if (line > 0) expectTone(line, chars.length - 1, line % 2 === 1);
  }
  return faults;

  function expectTone(line: number, index: number, level: boolean): void {
    const found = lines[line]?.[index] as string;
    const reading = prosody.reading(found);
    if (level ? reading.level : reading.oblique) return;
    const rule = reading.level || reading.oblique ? 'tone' : 'unknown-reading';
    faults.push({ rule, line, index, expected: level ? '平' : '仄', found });
  }
}
