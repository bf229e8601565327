/**
 * An independent judge of regulated verse. It shares neither code nor tables with lib/verse, so that the library cannot be
 * right by its own standard alone: readings are those of the 廣韻, weighed by how often Tang poets used them.
 */
import type { Readings } from './guangyun';
import { learnReadings } from './learn';
import { regulatedLines, rhymes } from './scheme';
import { toneFaults } from './tones';

export type Verdict = Readonly<{
  /** Such as 五律; undefined for a poem of any other shape, of which nothing is right. */
  form?: string;
  /** Whether the tones follow one of the two patterns. */
  tone: boolean;
  /** Whether the second lines of the couplets rhyme, each with another character. */
  rhyme: boolean;
  /** Whether the first line rhymes as well, or ends oblique. */
  firstLine: boolean;
  reasons: readonly string[];
}>;

const NO_FORM: Verdict = {
  tone: false,
  rhyme: false,
  firstLine: false,
  reasons: ['not 4 or 8 lines of 5 or 7 characters'],
};

export class Judge {
  static #loaded: Promise<Judge> | undefined;
  /** The tones and level rhyme groups in which poets used a character. */
  readonly readings: (char: string) => Readings;

  private constructor(readings: (char: string) => Readings) {
    this.readings = readings;
  }

  /** Counts over the corpora once per process: about 5 seconds, and 20 more if they are not cached. */
  static load(): Promise<Judge> {
    Judge.#loaded ??= learnReadings().then((readings) => new Judge(readings));
    return Judge.#loaded;
  }

  judge(text: string): Verdict {
    const lines = regulatedLines(text);
    if (!lines) return NO_FORM;
    const tone = toneFaults(lines, this.readings);
    const ends = lines.filter((_, i) => rhymes(i)).map((line) => line.at(-1) as string);
    const rhyme = this.#rhymeFaults(ends);
    const firstLine = this.#firstLineFaults(lines[0]?.at(-1) as string, ends);
    return {
      form: formOf(lines),
      tone: tone.length === 0,
      rhyme: rhyme.length === 0,
      firstLine: firstLine.length === 0,
      reasons: [...tone, ...rhyme, ...firstLine],
    };
  }

  #rhymeFaults(ends: readonly string[]): string[] {
    const faults = this.#commonGroups(ends).length > 0 ? [] : [`${ends.join('')} share no level rhyme group`];
    const repeated = ends.filter((end, i) => ends.indexOf(end) !== i);
    return [...faults, ...repeated.map((end) => `${end} rhymes with itself`)];
  }

  /** Compared with the second line alone if the others share no group: that fault counts only once. */
  #firstLineFaults(first: string, ends: readonly string[]): string[] {
    if (this.readings(first).oblique) return [];
    if (ends.includes(first)) return [`line 1 rhymes with itself: ${first}`];
    const others = this.#commonGroups(ends).length > 0 ? ends : ends.slice(0, 1);
    if (this.#commonGroups([first, ...others]).length > 0) return [];
    return [`line 1 ends in ${first}, which neither rhymes nor is oblique`];
  }

  #commonGroups(ends: readonly string[]): string[] {
    const [first = [], ...others] = ends.map((end) => this.readings(end).groups);
    return [...first].filter((group) => others.every((groups) => groups.has(group)));
  }
}

function formOf(lines: readonly string[][]): string {
  return `${lines[0]?.length === 5 ? '五' : '七'}${lines.length === 4 ? '绝' : '律'}`;
}
