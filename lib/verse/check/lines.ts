import { COMMON } from '../reading-share';
import type { Reading, RhymeBook } from '../rhyme-book';
import { type Tone, toneSign } from '../tone';
import type { Fault, Place, Remark } from './findings';

/** The lines of a poem, with the readings of their characters. */
export class Lines {
  constructor(
    /** Characters of each line, without punctuation. */
    readonly chars: readonly (readonly string[])[],
    readonly book: RhymeBook,
  ) {}

  get count(): number {
    return this.chars.length;
  }

  at(line: number, index: number): Place {
    const chars = this.chars[line] ?? [];
    const from = index < 0 ? chars.length + index : index;
    return { line, index: from, found: chars[from] as string };
  }

  /** Without readings that verse does not use at all, such as 风 in an oblique tone. */
  readings({ found }: Place): readonly Reading[] {
    return this.book.readings(found).filter(({ share }) => share > 0);
  }

  /** Whether a character can be read in a tone; if its reading is not known, it may be. */
  canBe(place: Place, tone: Tone): boolean {
    const readings = this.readings(place);
    return readings.length === 0 || readings.some((reading) => reading.tone === tone);
  }

  /** Whether a character can only be read in a tone. */
  mustBe(place: Place, tone: Tone): boolean {
    const readings = this.readings(place);
    return (
      readings.length > 0 && readings.every((reading) => reading.tone === tone || reading.share < COMMON)
    );
  }

  /** Whether a character is usually read in a tone. */
  isUsually(place: Place, tone: Tone): boolean {
    return this.readings(place).some((reading) => reading.tone === tone && reading.share >= COMMON);
  }

  /** The fault of a character that cannot be read in a tone. */
  wrongTone(place: Place, tone: Tone): Fault {
    return { ...place, term: '出律', expected: toneSign(tone) };
  }

  /** A remark if the tone was a choice, or is rare. */
  remarkOn(place: Place, tone: Tone): Remark[] {
    const readings = this.readings(place);
    if (readings.length === 0) return [{ ...place, term: '读音不详', taken: toneSign(tone) }];
    if (!this.canBe(place, tone)) return [];
    const common = readings.filter(({ share }) => share >= COMMON);
    const term = common.every((reading) => reading.tone !== tone)
      ? '罕读'
      : common.some((reading) => reading.tone !== tone)
        ? '多音字'
        : undefined;
    return term ? [{ ...place, term, taken: toneSign(tone) }] : [];
  }

  /** Groups in which a character rhymes in a tone; of the common readings only, unless there are none. */
  groupsOf(place: Place, tone: Tone | undefined): number[] {
    const fitting = this.readings(place).filter((reading) => tone === undefined || reading.tone === tone);
    const common = fitting.filter(({ share }) => share >= COMMON);
    return (common.length > 0 ? common : fitting).map(({ group }) => group);
  }

  groupName(group: number | undefined): string {
    return group === undefined ? '' : (this.book.groups[group] as string);
  }
}
