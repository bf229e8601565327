import { TangshiError } from '../util/errors';
import type { Tone } from './tone';

/**
 * Notation of forms. A template has 平, 仄 or 中 (either) for each character. After a character, 韵 marks a rhyme, 换 the
 * first one of a new rhyme; 叠 at the end of a line says that it repeats the last line of the same length. Punctuation
 * stands as it is printed; a sentence ends with 。, ！ or ？. `|` after a sentence separates alternatives for it; a blank
 * line separates stanzas.
 */

/** A position of a pattern: a character of the poem. */
export type Position = Readonly<{
  /** The required tone; undefined if both are allowed. */
  tone?: Tone;
  /** Number of the rhyme, from 0, if the character rhymes. */
  rhyme?: number;
  /** The punctuation mark that stands here. */
  mark?: string;
  /** Distance to the earlier character that is repeated here. */
  repeats?: number;
}>;

/** A sentence of a pattern: the alternatives for it, the usual one first. They have the same marks and rhymes. */
export type Row = readonly (readonly Position[])[];

/** A form of verse. */
export type Pattern = Readonly<{
  rows: readonly Row[];
  /** Indices of the rows that begin a stanza, except for the first. */
  stanzas: readonly number[];
}>;

const TONES: Readonly<Record<string, Tone | undefined>> = { 平: 'level', 仄: 'oblique', 中: undefined };
/** Punctuation marks of templates and poems. */
export const MARKS = '，。？！；：、';
/** Highest number of characters, including punctuation. */
const MAX_LENGTH = 1000;
/** Highest length of a template in UTF-16 units: with alternatives and marks for rhyme. */
const MAX_TEMPLATE = 20_000;

/**
 * Parses a template.
 *
 * @throws ERR_TANGSHI_INVALID_ARG that says where the template is wrong.
 * @example
 * parsePattern('平平仄仄平平韵。仄仄平平仄仄，仄平平仄平平韵。');
 */
export function parsePattern(template: string): Pattern {
  if (template.length > MAX_TEMPLATE)
    throw invalid(`The template has ${template.length} characters, more than ${MAX_TEMPLATE}`);
  const rows: Row[] = [];
  const stanzas: number[] = [];
  let rhyme = -1;
  let length = 0;
  let afterBlank = false;
  for (const [i, text] of template.split(/\r\n?|\n/).entries()) {
    const sentences = text
      .replace(/\s+/gu, '')
      .split(/(?<=[。！？])(?!\|)/u)
      .filter(Boolean);
    if (sentences.length > 0 && afterBlank && rows.length > 0) stanzas.push(rows.length);
    afterBlank = sentences.length === 0;
    for (const sentence of sentences) {
      const row = parseRow(sentence, `line ${i + 1}`, rhyme, rows);
      const [usual = []] = row;
      length += usual.length;
      if (length > MAX_LENGTH) throw invalid(`The template has more than ${MAX_LENGTH} positions`);
      rhyme = Math.max(rhyme, ...usual.map((position) => position.rhyme ?? -1));
      rows.push(row);
    }
  }
  if (length === 0) throw invalid('The template is empty');
  return { rows, stanzas };
}

/** @param rhyme The number of the rhyme in force, or -1. */
function parseRow(sentence: string, at: string, rhyme: number, before: readonly Row[]): Row {
  if (sentence.length > 4 * MAX_LENGTH) throw invalid(`A sentence in ${at} of the template is too long`);
  const alternatives = sentence.split('|').map((text) => parseSentence(text, at, rhyme, before));
  const [usual = []] = alternatives;
  if (alternatives.every((other) => shapeOf(other) === shapeOf(usual))) return alternatives;
  throw invalid(
    `The alternatives in ${at} of the template differ in length, punctuation or rhyme: ${sentence}`,
  );
}

function shapeOf(positions: readonly Position[]): string {
  return positions.map(({ mark, rhyme, repeats }) => `${mark ?? ''}${rhyme ?? ''}/${repeats ?? ''}`).join();
}

function parseSentence(text: string, at: string, rhyme: number, before: readonly Row[]): Position[] {
  const positions: Position[] = [];
  let current = rhyme;
  for (const char of text) {
    const last = positions.at(-1);
    if (char in TONES) positions.push({ tone: TONES[char] });
    else if (MARKS.includes(char) && last && last.mark === undefined) positions.push({ mark: char });
    else if (!'韵换叠'.includes(char) || !last || last.mark !== undefined)
      throw invalid(`Unexpected ${JSON.stringify(char)} in ${at} of the template: ${text}`);
    else if (char === '叠') repeatLine(positions, at, before);
    else {
      current = char === '换' ? current + 1 : Math.max(0, current);
      positions[positions.length - 1] = { ...last, rhyme: current };
    }
  }
  if (positions.at(-1)?.mark === undefined)
    throw invalid(`A sentence in ${at} of the template does not end in punctuation: ${text}`);
  return positions;
}

/** Makes the line at the end repeat the last line of the same length. */
function repeatLine(positions: Position[], at: string, before: readonly Row[]): void {
  const all = [...before.flatMap(([usual = []]) => usual), ...positions];
  const start = (end: number) => all.findLastIndex(({ mark }, i) => i < end && mark !== undefined) + 1;
  const first = start(all.length);
  const length = all.length - first;
  for (let end = first - 1; end > 0; end = start(end) - 1) {
    if (end - start(end) !== length) continue;
    const repeats = first - start(end);
    for (let i = 1; i <= length; i++)
      positions[positions.length - i] = { ...positions[positions.length - i], repeats };
    return;
  }
  throw invalid(`There is no earlier line of ${length} characters to repeat in ${at} of the template`);
}

const parsed = new Map<string, Pattern>();

/** The pattern of a template of the library, which is parsed once. */
export function knownPattern(template: string): Pattern {
  const pattern = parsed.get(template) ?? parsePattern(template);
  parsed.set(template, pattern);
  return pattern;
}

/** Positions of a pattern, including punctuation. */
export function lengthOf({ rows }: Pattern): number {
  return rows.reduce((sum, [usual = []]) => sum + usual.length, 0);
}

/** Characters per line, without punctuation. */
export function lineLengths({ rows }: Pattern): number[] {
  return rows
    .flatMap(([usual = []]) =>
      usual
        .map(({ mark }) => (mark === undefined ? '中' : ' '))
        .join('')
        .split(' '),
    )
    .map((line) => line.length)
    .filter((length) => length > 0);
}

function invalid(message: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option: 'pattern' });
}
