import type { Tone } from '../tone';
import type { Fault, Place, Remark } from './findings';
import type { Lines } from './lines';

/** A character that has to rhyme, and the tone that it needs; undefined for either. */
export type Rhyme = Place & Readonly<{ tone: Tone | undefined }>;

/** Groups of the 平水韵 whose level rhymes are neighbours. */
// biome-ignore format: one line per set would not be clearer
const NEIGHBOURS = [
  '东冬', '江阳', '支微齐佳灰', '鱼虞', '真文元', '元寒删先', '萧肴豪', '佳麻', '歌麻', '庚青蒸', '侵覃盐咸',
];
/** Parts of the 词林正韵 that writers of ci let rhyme with each other. */
const NEIGHBOURS_IN_CI = [
  ['第三部', '第五部'],
  ['第五部', '第十部'],
  ['第六部', '第十一部', '第十三部'],
  ['第七部', '第十四部'],
  ['第九部', '第十部'],
  ['第十五部', '第十六部', '第十七部'],
  ['第十七部', '第十八部', '第十九部'],
];

/** Whether two rhyme groups are neighbours. */
export function areNeighbours(a: string, b: string): boolean {
  return (
    NEIGHBOURS.some((set) => set.includes(a) && set.includes(b)) ||
    NEIGHBOURS_IN_CI.some((set) => set.includes(a) && set.includes(b))
  );
}

/** What a rhyme amounts to. */
export type RhymeFindings = Readonly<{ group: number | undefined; faults: Fault[]; remarks: Remark[] }>;

/**
 * Finds the group that most of the characters share, and those that are not in it.
 *
 * @param acceptsNeighbours Whether a neighbouring group is accepted.
 * @param first A character that may rhyme, too: it decides if several groups occur equally often.
 */
export function checkRhyme(
  lines: Lines,
  rhymes: readonly Rhyme[],
  acceptsNeighbours: boolean,
  first?: Place,
): RhymeFindings {
  const groups = rhymes.map((rhyme) => lines.groupsOf(rhyme, rhyme.tone));
  const group = mostShared(groups, first ? lines.groupsOf(first, rhymes[0]?.tone) : []);
  const faults: Fault[] = [];
  const remarks: Remark[] = [];
  const expected = lines.groupName(group);
  for (const { tone, ...place } of rhymes) {
    const fitting = lines.readings(place).filter((reading) => tone === undefined || reading.tone === tone);
    if (fitting.some((reading) => reading.group === group)) {
      if (!lines.groupsOf(place, tone).includes(group as number))
        remarks.push({ ...place, term: '罕读', taken: expected });
      continue;
    }
    const near = fitting
      .map((reading) => lines.groupName(reading.group))
      .find((name) => areNeighbours(name, expected));
    if (lines.readings(place).length === 0) faults.push({ ...place, term: '读音不详', expected });
    else if (fitting.length === 0) faults.push({ ...place, term: '落韵', expected });
    else if (near !== undefined && acceptsNeighbours) remarks.push({ ...place, term: '邻韵', taken: near });
    else faults.push({ ...place, term: '出韵', expected });
  }
  return { group, faults, remarks };
}

/** Rhymes on a character that an earlier one has. */
export function repeatedRhymes(rhymes: readonly Place[]): Fault[] {
  return rhymes
    .filter(({ found }, i) => rhymes.findIndex((other) => other.found === found) < i)
    .map((place) => ({ line: place.line, index: place.index, found: place.found, term: '重韵' }));
}

/** The group that occurs most often; of several, a preferred one, or the first. */
function mostShared(
  rhymes: readonly (readonly number[])[],
  preferred: readonly number[],
): number | undefined {
  const counts = new Map<number, number>();
  for (const groups of rhymes)
    for (const group of new Set(groups)) counts.set(group, (counts.get(group) ?? 0) + 1);
  const score = (group: number) => (counts.get(group) ?? 0) + (preferred.includes(group) ? 0.5 : 0);
  let best: number | undefined;
  for (const group of counts.keys()) if (best === undefined || score(group) > score(best)) best = group;
  return best;
}
