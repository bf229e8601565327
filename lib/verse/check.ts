import { Prosody, RHYME_GROUPS } from './readings';

/** What the rules of regulated verse say of a poem. It knows nothing of how poems are made here (forms.ts). */
export type Verdict = Readonly<{
  /** 五绝, 七绝, 五律 or 七律; absent for any other shape, of which rhyme and tone are not judged. */
  form?: string;
  /** In order, without punctuation. */
  lines: readonly JudgedLine[];
  /** Whether the poem rhymes as it should, in which groups, and where it does not. */
  rhyme?: Readonly<{
    keeps: boolean;
    /** Those that all rhymes share. */
    groups: readonly string[];
    faults: readonly string[];
  }>;
  /** Whether the pattern of tones is kept, and where it is not. */
  tone?: Readonly<{ keeps: boolean; faults: readonly string[] }>;
}>;

/** A line of a poem that was judged. */
export type JudgedLine = Readonly<{
  /** Without punctuation. */
  text: string;
  /** A sign a character: 平, 仄, 中 for one that may be either, ？ for one that no book knows. */
  tones: string;
  /** It is one of the lines that rhyme: an even one, or a first one that rhymes with them. */
  rhymes: boolean;
}>;

const FORMS: Readonly<Record<string, string>> = {
  '4x5': '五绝',
  '4x7': '七绝',
  '8x5': '五律',
  '8x7': '七律',
};

/**
 * Judges a poem by level rhyme in one group, no rhyme twice, and by the tones of the places that count: 2, 4 and 6 in turn,
 * lines of a couplet against each other, couplets after one another alike, even lines ending level, odd ones (but for the
 * first) oblique. A character of several readings is taken as it fits.
 *
 * @param text Lines are separated by punctuation or white space.
 * @example
 * judge('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。', Prosody.load()).tone?.keeps; // true
 */
export function judge(text: string, prosody: Prosody = Prosody.load()): Verdict {
  const verses = text
    .split(/[，。？！；：、,.?!;:\s]+/u)
    .map((verse) => [...verse])
    .filter((verse) => verse.length > 0);
  const width = verses[0]?.length ?? 0;
  const even = verses.every((verse) => verse.length === width);
  const form = even ? FORMS[`${verses.length}x${width}`] : undefined;
  const rhyme = form === undefined ? undefined : judgeRhyme(verses, prosody);
  const lines = verses.map((verse, i) => ({
    text: verse.join(''),
    tones: verse.map((char) => toneSign(char, prosody)).join(''),
    rhymes: rhyme !== undefined && (i % 2 === 1 || (i === 0 && rhyme.firstRhymes)),
  }));
  if (form === undefined || rhyme === undefined) return { lines };
  const { keeps, groups, faults } = rhyme;
  return { form, lines, rhyme: { keeps, groups, faults }, tone: judgeTones(verses, prosody) };
}

function toneSign(char: string, prosody: Prosody): string {
  const { level, oblique } = prosody.reading(char);
  if (level && oblique) return '中';
  return level ? '平' : oblique ? '仄' : '？';
}

function judgeRhyme(verses: readonly string[][], prosody: Prosody) {
  const ends = verses.map((verse) => verse.at(-1) as string);
  const rhymes = ends.filter((_, line) => line % 2 === 1);
  const groupsOf = (char: string) => prosody.reading(char).groups;
  const shared = rhymes.reduce((groups, char) => groups & groupsOf(char), -1);
  const firstRhymes = shared !== 0 && (groupsOf(ends[0] as string) & shared) !== 0;
  const common = firstRhymes ? shared & groupsOf(ends[0] as string) : shared;
  const all = firstRhymes ? [ends[0] as string, ...rhymes] : rhymes;
  const faults: string[] = [];
  for (const char of rhymes) if (groupsOf(char) === 0) faults.push(`${char} has no level rhyme`);
  if (faults.length === 0 && shared === 0) faults.push(`${rhymes.join('')} are of no one group`);
  const twice = all.filter((char, i) => all.indexOf(char) !== i);
  if (twice.length > 0) faults.push(`${twice.join('')} rhymes with itself`);
  const first = prosody.reading(ends[0] as string);
  if (!firstRhymes && first.level && !first.oblique)
    faults.push(`line 1 ends level, but ${ends[0]} does not rhyme`);
  const groups = RHYME_GROUPS.filter((_, bit) => ((common >> bit) & 1) === 1);
  return { keeps: faults.length === 0, groups: shared === 0 ? [] : groups, faults, firstRhymes };
}

/** Of the two ways in which the first line may begin, the one with fewer faults. */
function judgeTones(verses: readonly string[][], prosody: Prosody): NonNullable<Verdict['tone']> {
  const [a, b] = [true, false].map((level) => toneFaults(verses, level, prosody)) as [string[], string[]];
  const faults = a.length <= b.length ? a : b;
  return { keeps: faults.length === 0, faults };
}

function toneFaults(verses: readonly string[][], firstIsLevel: boolean, prosody: Prosody): string[] {
  const faults: string[] = [];
  let second = firstIsLevel;
  for (const [line, verse] of verses.entries()) {
    // The second line of a couplet opposes the first; a couplet begins as the one before it ended.
    if (line % 2 === 1) second = !second;
    let wanted = second;
    for (let place = 1; place < verse.length - 1; place += 2) {
      expectTone(verse, line, place, wanted);
      wanted = !wanted;
    }
    if (line > 0) expectTone(verse, line, verse.length - 1, line % 2 === 1);
  }
  return faults;

  function expectTone(verse: readonly string[], line: number, place: number, level: boolean): void {
    const char = verse[place] as string;
    const reading = prosody.reading(char);
    if (level ? reading.level : reading.oblique) return;
    if (!reading.level && !reading.oblique) {
      faults.push(`line ${line + 1}, character ${place + 1}: the reading of ${char} is not known`);
      return;
    }
    faults.push(`line ${line + 1}, character ${place + 1}: ${char} is not ${level ? '平' : '仄'}`);
  }
}

/**
 * Lines with their tones beneath, and the rhymes marked; last, in brackets, what the rules say.
 *
 * @param verdict As `judge` gives it.
 * @example
 * console.log(annotate(judge('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。', Prosody.load())));
 */
export function annotate({ form, lines, rhyme, tone }: Verdict): string {
  const verdict = [
    form ?? `no regulated form: lines of ${lines.map(({ text }) => [...text].length).join(', ')}`,
    rhyme && (rhyme.keeps ? `rhymes (${rhyme.groups.join('、')})` : `rhyme: ${rhyme.faults.join('; ')}`),
    tone && (tone.keeps ? 'tones right' : `tones: ${tone.faults.join('; ')}`),
  ];
  const rows = lines.flatMap(({ text, tones, rhymes }) => [text, `${tones}${rhymes ? ' 韵' : ''}`]);
  return [...rows, `[${verdict.filter(Boolean).join(', ')}]`].join('\n');
}
