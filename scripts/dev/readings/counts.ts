import { toneOfPingshuiGroup } from '../../../lib/verse/pingshui-groups';
import type { Tone } from '../../../lib/verse/tone';

/** How poets used characters that can be read in several ways. */

/** Groups in which each character may be read. */
export type Candidates = ReadonlyMap<string, readonly string[]>;

/** Observations of one character. */
export type Use = {
  /** Occurrences where a tone is required. */
  level: number;
  oblique: number;
  /** Occurrences as a rhyme among characters of this group. */
  groups: Map<string, number>;
};

type Poem = readonly (readonly string[])[];

/** Minimum share of the positions with a required tone that must be held by characters of one tone. */
const CERTAIN = 0.6;

/** Counts the use of all characters in poems whose pattern and rhyme are certain from characters with one reading. */
export function countUse(poems: readonly (readonly string[])[], candidates: Candidates): Map<string, Use> {
  const uses = new Map<string, Use>();
  for (const rows of poems) {
    const lines = rows.map((row) => [...row]);
    if (!isEven(lines)) continue;
    countTones(lines, candidates, uses);
    countRhymes(lines, candidates, uses);
  }
  return uses;
}

function isEven(lines: Poem): boolean {
  const width = lines[0]?.length;
  return (
    (width === 5 || width === 7) &&
    lines.length >= 4 &&
    lines.length % 2 === 0 &&
    lines.every((line) => line.length === width)
  );
}

function useOf(char: string, uses: Map<string, Use>): Use {
  let use = uses.get(char);
  if (!use) {
    use = { level: 0, oblique: 0, groups: new Map() };
    uses.set(char, use);
  }
  return use;
}

/** The tone if all readings agree. */
function certainTone(char: string, candidates: Candidates): Tone | undefined {
  const tones = new Set(candidates.get(char)?.map(toneOfPingshuiGroup));
  return tones.size === 1 ? [...tones][0] : undefined;
}

type Place = Readonly<{ char: string; tone: Tone }>;

function countTones(lines: Poem, candidates: Candidates, uses: Map<string, Use>): void {
  for (const secondIsLevel of [true, false]) {
    const places = requiredTones(lines, secondIsLevel);
    const certain = places.filter(({ char }) => certainTone(char, candidates));
    if (certain.length < CERTAIN * places.length) continue;
    if (!certain.every(({ char, tone }) => certainTone(char, candidates) === tone)) continue;
    for (const { char, tone } of places) useOf(char, uses)[tone]++;
    return;
  }
}

/** Characters where the pattern requires a tone. Leaves out what 平平仄平仄 for 平平平仄仄 makes uncertain. */
function requiredTones(lines: Poem, secondIsLevel: boolean): Place[] {
  return lines.flatMap((line, row) => {
    const last = line.length - 1;
    const second = secondIsLevel === (Math.floor((row + 1) / 2) % 2 === 0);
    const places: Place[] = [];
    for (let index = 1; index < last; index += 2) {
      const level = second === (index % 4 === 1);
      const mayVary = row % 2 === 0 && index === last - 1 && !level;
      if (!mayVary) places.push({ char: line[index] as string, tone: level ? 'level' : 'oblique' });
    }
    if (row > 0) places.push({ char: line[last] as string, tone: row % 2 === 1 ? 'level' : 'oblique' });
    return places;
  });
}

function countRhymes(lines: Poem, candidates: Candidates, uses: Map<string, Use>): void {
  const ends = lines.filter((_, row) => row % 2 === 1).map((line) => line.at(-1) as string);
  const certain = ends.map((char) => certainGroup(char, candidates));
  const groups = new Set(certain.filter(Boolean));
  const [group] = groups;
  if (group === undefined || groups.size > 1) return;
  const count = certain.filter(Boolean).length;
  for (const [i, char] of ends.entries()) {
    // A character does not confirm itself.
    const others = certain[i] ? count - 1 : count;
    if (others < Math.min(2, ends.length - 1)) continue;
    const use = useOf(char, uses);
    use.groups.set(group, (use.groups.get(group) ?? 0) + 1);
  }
}

/** The group if there is only one reading. */
function certainGroup(char: string, candidates: Candidates): string | undefined {
  const groups = candidates.get(char) ?? [];
  return groups.length === 1 ? groups[0] : undefined;
}
