import { standardForms } from '../data/standard-forms';
import type { Vocab } from '../data/vocab';
import { mayEndLine } from './pingshui';
import { commonReadings, type Reading, type RhymeBook } from './rhyme-book';
import type { Tone } from './tone';

/** A class of tones, or either. */
export type ToneClass = Tone | 'any';
/** In the order of the tables of a `LogitConstraint`. */
export const TONE_CLASSES: readonly ToneClass[] = ['level', 'oblique', 'any'];

const HAN = /^\p{Script=Han}$/u;

/** Where a character stands: the ends of lines have stricter rules. */
export type Placement = 'inner' | 'end' | 'rhyme';

/** What is known of a character of the vocabulary. */
type Entry = Readonly<{ char: string; common: readonly Reading[]; all: readonly Reading[] }>;

/** Tones and rhyme groups of the ids of a vocabulary. */
export class VocabReadings {
  /** By id; undefined for what is not a Han character, and for variants, which are not used for writing. */
  readonly #entries: readonly (Entry | undefined)[];
  readonly #masks = new Map<string, Uint8Array>();
  /** `[vocabSize]`: groups of the common readings of the tone; of the rare ones if there are no common ones. */
  readonly groups: Readonly<Record<ToneClass, readonly (readonly number[])[]>>;

  /** @param book Undefined if neither tones nor rhymes matter. */
  private constructor(vocab: Vocab, book: RhymeBook | undefined) {
    this.#entries = Array.from({ length: vocab.size }, (_, id): Entry | undefined => {
      const char = vocab.decode([id]);
      if (!HAN.test(char) || standardForms(char) !== char) return undefined;
      return { char, common: book ? commonReadings(book, char) : [], all: book?.readings(char) ?? [] };
    });
    const groupsOf = (tone: ToneClass) =>
      this.#entries.map((entry) => {
        const common = groupsIn(entry?.common ?? [], tone);
        return common.length > 0 ? common : groupsIn(entry?.all ?? [], tone);
      });
    this.groups = { level: groupsOf('level'), oblique: groupsOf('oblique'), any: groupsOf('any') };
  }

  /**
   * `[vocabSize]`: 1 for characters with a common reading of the tone. At the end of a line, without those that poets
   * hardly ever end a line with; where it does not rhyme, also without those that could be read in the other tone.
   */
  mask(tone: ToneClass, placement: Placement): Uint8Array {
    const key = `${tone} ${placement}`;
    const known = this.#masks.get(key) ?? this.#makeMask(tone, placement);
    this.#masks.set(key, known);
    return known;
  }

  #makeMask(tone: ToneClass, placement: Placement): Uint8Array {
    return Uint8Array.from(this.#entries, (entry) =>
      Number(entry !== undefined && mayStand(entry, tone, placement)),
    );
  }

  static readonly #known = new WeakMap<Vocab, Map<string, VocabReadings>>();

  /** The readings of a vocabulary, which are looked up once. */
  static of(vocab: Vocab, book: RhymeBook | undefined): VocabReadings {
    const books = VocabReadings.#known.get(vocab) ?? new Map<string, VocabReadings>();
    VocabReadings.#known.set(vocab, books);
    const name = book?.name ?? '';
    const known = books.get(name) ?? new VocabReadings(vocab, book);
    books.set(name, known);
    return known;
  }
}

function mayStand({ char, common }: Entry, tone: ToneClass, placement: Placement): boolean {
  const fits = ({ tone: own }: Reading) => tone === 'any' || own === tone;
  if (tone !== 'any' && !common.some(fits)) return false;
  if (placement !== 'inner' && !mayEndLine(char)) return false;
  return placement !== 'end' || common.every(fits);
}

function groupsIn(readings: readonly Reading[], tone: ToneClass): number[] {
  return readings.filter((reading) => tone === 'any' || reading.tone === tone).map(({ group }) => group);
}
