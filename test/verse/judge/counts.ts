/** How poets used characters: in which tone, and with which rhyme groups. */
import type { Readings } from './guangyun';
import { keyPositions, regulatedLines, rhymes, STARTS, wantsLevel } from './scheme';

/** How often a character stands where the pattern wants a tone, and rhymes with characters of each level group. */
export type Usage = { level: number; oblique: number; groups: Map<string, number> };
export type Counts = ReadonlyMap<string, Usage>;

/** A character at a place that wants a tone. */
type Slot = Readonly<{ char: string; level: boolean }>;
type ReadingsOf = (char: string) => Readings;

/** Of the other slots of a poem, this share must be of characters with one tone, for the pattern to be certain. */
const CERTAIN_SHARE = 2 / 3;

/**
 * Counts over the poems whose tone pattern is certain. A character is never evidence for itself: its place counts if all
 * the other characters of the poem that have only one tone, most of them, agree with the pattern.
 */
export function countUsage(poems: Iterable<string>, readingsOf: ReadingsOf): Counts {
  const counts = new Map<string, Usage>();
  for (const text of poems) {
    const lines = regulatedLines(text);
    if (lines) countPoem(lines, readingsOf, counts);
  }
  return counts;
}

function countPoem(lines: string[][], readingsOf: ReadingsOf, counts: Map<string, Usage>): void {
  for (const start of STARTS) {
    const slots = slotsOf(lines, start);
    const certain = certainSlots(slots, readingsOf);
    if (certain.length === 0) continue;
    for (const { char, level } of certain) usageOf(counts, char)[level ? 'level' : 'oblique'] += 1;
    if (certain.length === slots.length) countRhymes(lines, readingsOf, counts);
  }
}

/**
 * The places to count. Left out are the last key position of the first line of each couplet, where poets varied (平平仄平仄
 * for 平平平仄仄, 仄仄平仄仄 for 仄仄平平仄), and the end of the poem's first line, which may rhyme.
 */
function slotsOf(lines: string[][], start: boolean): Slot[] {
  return lines.flatMap((line, i) => {
    const keys = keyPositions(line.length);
    const counted = rhymes(i) ? keys : keys.slice(0, -1);
    const slots = counted.map((at) => ({ char: line[at] as string, level: wantsLevel(i, at, start) }));
    return i === 0 ? slots : [...slots, { char: line.at(-1) as string, level: rhymes(i) }];
  });
}

/** The slots whose pattern the rest of the poem proves. */
function certainSlots(slots: readonly Slot[], readingsOf: ReadingsOf): Slot[] {
  const verdicts = slots.map(({ char, level }) => agrees(readingsOf(char), level));
  const matches = verdicts.filter((verdict) => verdict === true).length;
  const faults = verdicts.filter((verdict) => verdict === false).length;
  const needed = (slots.length - 1) * CERTAIN_SHARE;
  return slots.filter((_, i) => {
    const others = matches - (verdicts[i] === true ? 1 : 0);
    const otherFaults = faults - (verdicts[i] === false ? 1 : 0);
    return otherFaults === 0 && others >= needed;
  });
}

/** Undefined for a character that proves nothing: with both tones, or none known. */
function agrees(readings: Readings, level: boolean): boolean | undefined {
  return readings.level === readings.oblique ? undefined : readings.level === level;
}

/** A rhyme counts if all the other rhymes of the poem with only one level group, half of them or more, are in one group. */
function countRhymes(lines: string[][], readingsOf: ReadingsOf, counts: Map<string, Usage>): void {
  const ends = lines.filter((_, i) => rhymes(i)).map((line) => line.at(-1) as string);
  for (const [i, char] of ends.entries()) {
    const others = ends
      .filter((other, j) => j !== i && other !== char)
      .map((other) => readingsOf(other).groups);
    const sure = others.filter((groups) => groups.size === 1).map((groups) => [...groups][0] as string);
    const group = sure[0];
    if (group === undefined || sure.length * 2 < ends.length - 1 || sure.some((other) => other !== group))
      continue;
    const { groups } = usageOf(counts, char);
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
}

function usageOf(counts: Map<string, Usage>, char: string): Usage {
  const usage = counts.get(char) ?? { level: 0, oblique: 0, groups: new Map() };
  counts.set(char, usage);
  return usage;
}
