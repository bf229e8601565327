import { lineLengths, type Pattern, type Position } from '../pattern';
import { type Tone, toneSign } from '../tone';
import type { Fault, Findings, Place, Remark } from './findings';
import type { Lines } from './lines';
import { inOrder } from './regulated';
import { checkRhyme, type Rhyme } from './rhyme';

type Placed = Place & Readonly<{ position: Position }>;

/** How well the lines of a poem agree with those of a template. */
export type Fit = 'exact' | 'divided' | 'none';

/**
 * Whether a poem has the lines of a template. Editors divide ci in different ways: `divided` means that it has as many
 * characters, and that all rhymes end lines.
 */
export function fitOf(lines: Lines, pattern: Pattern): Fit {
  const lengths = lines.chars.map(({ length }) => length);
  const positions = pattern.rows.flatMap(([usual = []]) => usual.filter(({ mark }) => mark === undefined));
  const ends = new Set<number>(); // numbers of characters up to the end of each line
  let total = 0;
  for (const length of lengths) {
    total += length;
    if (total > positions.length) return 'none';
    ends.add(total);
  }
  if (total !== positions.length) return 'none';
  if (lengths.join() === lineLengths(pattern).join()) return 'exact';
  return positions.every(({ rhyme }, i) => rhyme === undefined || ends.has(i + 1)) ? 'divided' : 'none';
}

/**
 * Checks a poem against a template: tones, rhymes, and repeated lines.
 *
 * @param lines With as many characters as the template.
 */
export function checkTemplate(lines: Lines, pattern: Pattern, strict: boolean): Findings {
  const placed = place(lines, pattern);
  const wrong = placed.filter(
    ({ position: { tone, rhyme }, ...at }) => tone && rhyme === undefined && !lines.canBe(at, tone),
  );
  const rhymes = rhymesOf(placed).map((rhyme) => checkRhyme(lines, rhyme, !strict));
  const remarks = placed.flatMap(({ position: { tone }, ...at }): Remark[] =>
    tone ? lines.remarkOn(at, tone) : [],
  );
  return {
    rhymes: rhymes.map(({ group }) => lines.groupName(group)),
    rhyming: [
      ...new Set(placed.filter(({ position }) => position.rhyme !== undefined).map(({ line }) => line)),
    ],
    faults: inOrder([
      ...wrong.map(({ position, ...at }) => lines.wrongTone(at, position.tone as Tone)),
      ...rhymes.flatMap(({ faults }) => faults),
      ...missingRepeats(placed),
    ]),
    remarks: inOrder([...remarks, ...rhymes.flatMap((rhyme) => rhyme.remarks)]),
    toneAt: (line, index) => {
      const tone = placed.find((at) => at.line === line && at.index === index)?.position.tone;
      return tone && toneSign(tone);
    },
  };
}

/** Cost of a rare reading, where a wrong tone costs 1. */
const RARE = 0.1;

/** Each character with its position; of the alternatives for a sentence, the one with the fewest faults. */
function place(lines: Lines, pattern: Pattern): Placed[] {
  const places = lines.chars.flatMap((chars, line) => chars.map((_, index) => lines.at(line, index)));
  return pattern.rows.flatMap((row) => {
    const length = (row[0] ?? []).filter(({ mark }) => mark === undefined).length;
    const here = places.splice(0, length);
    const options = row.map((positions) => {
      const own = positions.filter(({ mark }) => mark === undefined);
      return here.map((at, i) => ({ ...at, position: own[i] as Position }));
    });
    const cost = ({ position: { tone }, ...at }: Placed) => {
      if (tone === undefined || lines.isUsually(at, tone)) return 0;
      return lines.canBe(at, tone) ? RARE : 1;
    };
    const faults = (option: readonly Placed[]) => option.reduce((sum, at) => sum + cost(at), 0);
    return options.reduce((best, other) => (faults(other) < faults(best) ? other : best));
  });
}

function rhymesOf(placed: readonly Placed[]): Rhyme[][] {
  const rhymes: Rhyme[][] = [];
  for (const { position, ...at } of placed) {
    if (position.rhyme === undefined) continue;
    let rhyme = rhymes[position.rhyme];
    if (!rhyme) {
      rhyme = [];
      rhymes[position.rhyme] = rhyme;
    }
    rhyme.push({ ...at, tone: position.tone });
  }
  return rhymes.filter(Boolean);
}

/** Characters that do not repeat the line before. */
function missingRepeats(placed: readonly Placed[]): Fault[] {
  const repeated = placed.filter(({ position }) => position.repeats !== undefined);
  const lines = [...new Set(repeated.map(({ line }) => line))];
  return lines.flatMap((line) => {
    const own = placed
      .filter((at) => at.line === line)
      .map(({ found }) => found)
      .join('');
    const before = placed.filter((at) => at.line < line);
    const other = lastOfLength(before, own.length);
    const [first] = repeated.filter((at) => at.line === line);
    if (own === other || !first) return [];
    const { position: _, ...at } = first;
    return [{ ...at, term: '失叠' as const, expected: other }];
  });
}

function lastOfLength(before: readonly Placed[], length: number): string {
  const lines = new Map<number, string>();
  for (const { line, found } of before) lines.set(line, (lines.get(line) ?? '') + found);
  return [...lines.values()].findLast((line) => line.length === length) ?? '';
}
