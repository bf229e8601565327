import { rhymeBook } from '../rhyme-book';
import { opposite, type Tone, toneSign } from '../tone';
import type { Fault, Findings, Place, Remark } from './findings';
import type { Lines } from './lines';
import { areNeighbours, checkRhyme, repeatedRhymes } from './rhyme';

/**
 * Costs that make the likeliest cause of a fault the cheapest: one couplet that begins wrongly (失粘), rather than all
 * characters of the lines that follow.
 */
const COST = { character: 1, rare: 0.1, opposition: 1.5, adhesion: 1.2 };

/** A line as one that begins with a tone: 平 or 仄 at its second character. */
type Reading = Readonly<{ cost: number; faults: readonly Fault[]; remarks: readonly Remark[] }>;

/**
 * Checks regulated verse (近体诗).
 *
 * - Tones of the second, fourth and sixth characters: alternate within a line, oppose between the lines of a couplet
 *   (对) and agree between neighbouring couplets (粘); variants that are made up for (拗救) are accepted.
 * - Even lines rhyme in a level tone, in one group and on different characters; the first line may rhyme, too, even in
 *   a neighbouring group (邻韵). Other odd lines end in an oblique tone.
 * - No 孤平, and no three level tones at the end (三平尾). Strictly, also no 三仄尾, 撞韵 and 邻韵.
 *
 * @param lines An even number of lines of the same length.
 */
export function checkRegulated(lines: Lines, strict: boolean): Findings {
  const rhyme = rhymeFindings(lines, strict);
  const begins = cheapestBeginnings(lines);
  const required = (line: number, index: number) => requiredTone(lines, begins[line] as Tone, line, index);
  const tones = begins.map((tone, line) => readLine(lines, line, tone));
  const relations = begins.flatMap((tone, line) => relationFault(lines, begins[line - 1], tone, line));
  const ends = lines.chars.flatMap((_, line) => endFaults(lines, line, rhyme.rhyming.includes(line), strict));
  const endRemarks = lines.chars.flatMap((_, line) =>
    line % 2 === 1 || rhyme.rhyming.includes(line) ? [] : lines.remarkOn(lines.at(line, -1), 'oblique'),
  );
  const clashes = strict ? clashingEnds(lines, rhyme) : [];
  return {
    rhymes: rhyme.rhymes,
    rhyming: rhyme.rhyming,
    faults: inOrder([
      ...relations,
      ...tones.flatMap(({ faults }) => faults),
      ...ends,
      ...rhyme.faults,
      ...clashes,
    ]),
    remarks: inOrder([...tones.flatMap(({ remarks }) => remarks), ...endRemarks, ...rhyme.remarks]),
    toneAt: (line, index) => {
      const tone = required(line, index);
      return tone && toneSign(tone);
    },
  };
}

/** In the order of the poem. */
export function inOrder<T extends Place>(places: readonly T[]): T[] {
  return [...places].sort((a, b) => a.line - b.line || a.index - b.index);
}

/** The tone at a position of a line that begins with a tone; undefined where it is free. */
function requiredTone(lines: Lines, begin: Tone, line: number, index: number): Tone | undefined {
  const last = (lines.chars[line]?.length ?? 0) - 1;
  if (index === last) return line === 0 ? undefined : line % 2 === 1 ? 'level' : 'oblique';
  if (index % 2 === 0) return undefined;
  return index % 4 === 1 ? begin : opposite(begin);
}

const TONES = ['level', 'oblique'] as const;
/** The cheapest way to read the lines up to one that begins with a tone. */
type Path = Readonly<{ cost: number; tone: Tone; before?: Path }>;

/** The tones of second characters that explain the poem with the fewest faults. */
function cheapestBeginnings(lines: Lines): Tone[] {
  let paths: readonly (Path | undefined)[] = [undefined];
  for (let line = 0; line < lines.count; line++) {
    paths = TONES.map((tone) => {
      const { cost } = readLine(lines, line, tone);
      return cheapest(
        paths.map(
          (before): Path => ({
            cost: (before?.cost ?? 0) + cost + relationCost(before?.tone, tone, line),
            tone,
            before,
          }),
        ),
      );
    });
  }
  const begins: Tone[] = [];
  for (let path: Path | undefined = cheapest(paths as Path[]); path; path = path.before)
    begins.push(path.tone);
  return begins.reverse();
}

function cheapest(paths: readonly Path[]): Path {
  return paths.reduce((best, other) => (other.cost < best.cost ? other : best));
}

function relationCost(before: Tone | undefined, tone: Tone, line: number): number {
  if (before === undefined) return 0;
  if (line % 2 === 1) return before === tone ? COST.opposition : 0;
  return before === tone ? 0 : COST.adhesion;
}

function relationFault(lines: Lines, before: Tone | undefined, tone: Tone, line: number): Fault[] {
  if (relationCost(before, tone, line) === 0) return [];
  const expected = toneSign(line % 2 === 1 ? opposite(before as Tone) : (before as Tone));
  return [{ ...lines.at(line, 1), term: line % 2 === 1 ? '失对' : '失粘', expected }];
}

function readLine(lines: Lines, line: number, begin: Tone): Reading {
  const places = (lines.chars[line] ?? []).slice(0, -1).flatMap((_, index) => {
    const tone = requiredTone(lines, begin, line, index);
    return tone ? [{ tone, ...lines.at(line, index) }] : [];
  });
  const unusual = places.filter((place) => !lines.isUsually(place, place.tone));
  const [only, ...others] = unusual;
  const rescue = only && others.length === 0 ? rescueOf(lines, line, only) : undefined;
  const wrong = rescue ? [] : unusual.filter((place) => !lines.canBe(place, place.tone));
  const read = rescue ? places.filter((place) => place !== only) : places;
  return {
    cost: COST.character * wrong.length + COST.rare * (unusual.length - wrong.length),
    faults: wrong.map(({ tone, ...place }) => lines.wrongTone(place, tone)),
    remarks: [
      ...read.flatMap(({ tone, ...place }) => lines.remarkOn(place, tone)),
      ...(rescue ? [rescue] : []),
    ],
  };
}

/** How a wrong tone before the end of an odd line is made up for. */
function rescueOf(
  lines: Lines,
  line: number,
  { tone, ...place }: Place & { tone: Tone },
): Remark | undefined {
  const last = (lines.chars[line]?.length ?? 0) - 1;
  if (line % 2 === 1 || place.index !== last - 1 || lines.readings(place).length === 0) return undefined;
  // 平平仄平仄 for 平平平仄仄: the characters before and after change places.
  if (tone === 'oblique') {
    const before = lines.at(line, last - 2);
    return lines.canBe(before, 'oblique') ? { ...place, term: '拗救', taken: '平' } : undefined;
  }
  // 仄仄平仄仄 for 仄仄平平仄: the third character of the next line is level, before its own end.
  const next = lines.at(line + 1, last - 2);
  return lines.canBe(next, 'level') ? { ...place, term: '拗救', taken: '仄' } : undefined;
}

/** 孤平, 三平尾 and, strictly, 三仄尾. An odd line that ends in a level tone is a fault of its own. */
function endFaults(lines: Lines, line: number, rhymes: boolean, strict: boolean): Fault[] {
  const chars = lines.chars[line] ?? [];
  const last = chars.length - 1;
  const tail = [last - 2, last - 1, last].map((index) => lines.at(line, index));
  const all = (tone: Tone) => tail.every((place) => lines.mustBe(place, tone));
  const faults: Fault[] = [];
  if (line % 2 === 1 || rhymes) {
    if (all('level')) faults.push({ ...lines.at(line, last - 2), term: '三平尾' });
    const isLone =
      lines.mustBe(lines.at(line, last - 3), 'level') &&
      [last - 4, last - 2, last - 1].every((index) => lines.mustBe(lines.at(line, index), 'oblique'));
    if (isLone) faults.push({ ...lines.at(line, last - 3), term: '孤平' });
  } else {
    if (strict && all('oblique')) faults.push({ ...lines.at(line, last - 2), term: '三仄尾' });
    const end = lines.at(line, last);
    if (line > 0 && !lines.canBe(end, 'oblique')) faults.push(lines.wrongTone(end, 'oblique'));
  }
  return faults;
}

type RhymeOfPoem = Pick<Findings, 'rhymes' | 'rhyming' | 'faults' | 'remarks'> &
  Readonly<{ group: number | undefined }>;

function rhymeFindings(lines: Lines, strict: boolean): RhymeOfPoem {
  const even = lines.chars.flatMap((_, line) =>
    line % 2 === 1 ? [{ ...lines.at(line, -1), tone: 'level' as const }] : [],
  );
  const { group, faults, remarks } = checkRhyme(lines, even, false, lines.at(0, -1));
  const first = lines.at(0, -1);
  const groups = lines.readings(first).filter(({ tone }) => tone === 'level');
  const rhyming = even.map(({ line }) => line);
  const found = { rhymes: [lines.groupName(group)], group };
  const near = groups
    .map((reading) => lines.groupName(reading.group))
    .find((name) => areNeighbours(name, lines.groupName(group)));
  const firstRhymes = groups.some((reading) => reading.group === group);
  if (firstRhymes || (near && !lines.isUsually(first, 'oblique'))) {
    const isNear = !firstRhymes;
    const nearFault: Fault[] =
      isNear && strict ? [{ ...first, term: '出韵', expected: lines.groupName(group) }] : [];
    const nearRemark: Remark[] = isNear && !strict ? [{ ...first, term: '邻韵', taken: near as string }] : [];
    return {
      ...found,
      rhyming: [0, ...rhyming],
      faults: [...faults, ...nearFault, ...repeatedRhymes([first, ...even])],
      remarks: [...remarks, ...nearRemark],
    };
  }
  const isWrong = !lines.canBe(first, 'oblique');
  const term = groups.length === 0 ? '读音不详' : '出韵';
  const firstFault: Fault[] = isWrong ? [{ ...first, term, expected: lines.groupName(group) }] : [];
  return { ...found, rhyming, faults: [...faults, ...firstFault, ...repeatedRhymes(even)], remarks };
}

/** Odd lines that end like the rhyme, in an oblique tone. */
function clashingEnds(lines: Lines, { rhyming, group }: RhymeOfPoem): Fault[] {
  const book = lines.book.name === '平水韵' ? rhymeBook('词林正韵') : lines.book;
  const rhymes = rhyming.flatMap((line) => lines.chars[line]?.at(-1) ?? []);
  const parts = rhymes.map((char) =>
    book
      .readings(char)
      .filter(({ tone }) => tone === 'level')
      .map(({ group: part }) => part),
  );
  const shared = parts[0]?.filter((part) => parts.every((others) => others.includes(part))) ?? [];
  return lines.chars.flatMap((_, line) => {
    const end = lines.at(line, -1);
    if (line % 2 === 1 || rhyming.includes(line)) return [];
    const clashes = book
      .readings(end.found)
      .some(({ tone, group: part }) => tone === 'oblique' && shared.includes(part));
    return clashes ? [{ ...end, term: '撞韵' as const, expected: lines.groupName(group) }] : [];
  });
}
