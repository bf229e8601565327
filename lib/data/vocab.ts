import { TangshiError } from '../util/errors';
import { scriptConverter } from '../util/script-conversion';

/** What stands in a checkpoint. The characters are in the order of their ids; in `modern` the first has id 3. */
export type VocabJson = Readonly<{ kind: 'classic' | 'modern'; characters: readonly string[] }>;

type Special = Readonly<{ bos: number; eos: number; unk: number | undefined }>;

const MODERN_SPECIALS = ['<unk>', '<s>', '</s>'] as const;
const CLASSIC_BEGIN = 'G';
const CLASSIC_END = 'E';
/** More than Unicode has of Han characters. */
const MAX_CHARACTERS = 200_000;

/**
 * Characters (Unicode code points) and their ids. Immutable.
 *
 * - `Vocab.build`: 0 `<unk>`, 1 `<s>`, 2 `</s>`, then characters by descending count.
 * - `Vocab.classic`: the original program's, where begin and end are the ordinary characters G and E.
 *
 * @example
 * const vocab = Vocab.build(poems, { minCount: 2 });
 * vocab.decode(vocab.encode('床前明月光')); // '床前明月光'
 */
export class Vocab {
  /** Which of the two it is. */
  readonly kind: 'classic' | 'modern';
  /** Classes of the model: ids are 0 … size - 1. */
  readonly size: number;
  /** Id that begins a poem. */
  readonly bos: number;
  /** Id that ends a poem. */
  readonly eos: number;
  /** Id of rare and unknown characters; the classic vocabulary has none. */
  readonly unk: number | undefined;
  /** Ids that are never to be generated. Empty in the classic vocabulary, as the original had no such rule. */
  readonly banned: Int32Array;
  readonly #entries: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  private constructor(
    kind: VocabJson['kind'],
    entries: readonly string[],
    ids: Map<string, number>,
    special: Special,
  ) {
    this.kind = kind;
    this.#entries = entries;
    this.#ids = ids;
    // The original sized its model by its map, plus one that stands for nothing.
    this.size = kind === 'classic' ? ids.size + 1 : entries.length;
    this.bos = special.bos;
    this.eos = special.eos;
    this.unk = special.unk;
    this.banned = Int32Array.from(special.unk === undefined ? [] : [special.unk, special.bos]);
  }

  /**
   * The original's vocabulary: characters of the wrapped poems by descending count, ties by first occurrence, then
   * a space. Poems come without G and E, in the order of training.
   */
  static classic(poems: readonly string[]): Vocab {
    const wrapped = poems.map((poem) => `${CLASSIC_BEGIN}${poem}${CLASSIC_END}`);
    return Vocab.#classicOf([...byCount(countCharacters(wrapped)), ' ']);
  }

  static #classicOf(entries: readonly string[]): Vocab {
    // A space inside a poem makes ' ' stand twice: as in Python's dict, the last place counts.
    const ids = new Map(entries.map((char, id) => [char, id]));
    const bos = ids.get(CLASSIC_BEGIN);
    const eos = ids.get(CLASSIC_END);
    if (bos === undefined || eos === undefined) throw new TangshiError('EARG', 'Expected at least one poem');
    return new Vocab('classic', entries, ids, { bos, eos, unk: undefined });
  }

  /**
   * Ids by descending count, ties by first occurrence.
   *
   * @param options `minCount`: characters that stand fewer times in the poems are left to `<unk>`.
   * @throws EARG
   */
  static build(poems: readonly string[], { minCount }: Readonly<{ minCount: number }>): Vocab {
    if (!Number.isInteger(minCount) || minCount < 1) {
      throw new TangshiError('EARG', `Expected an integer from 1 for minCount but received ${minCount}`);
    }
    const counts = countCharacters(poems);
    return Vocab.#modernOf(byCount(counts).filter((char) => (counts.get(char) as number) >= minCount));
  }

  static #modernOf(characters: readonly string[]): Vocab {
    const first = MODERN_SPECIALS.length;
    // The special tokens are no characters, so no text can name them: they are not in the map.
    const ids = new Map(characters.map((char, index) => [char, first + index]));
    return new Vocab('modern', [...MODERN_SPECIALS, ...characters], ids, { unk: 0, bos: 1, eos: 2 });
  }

  /** Whether a character has an id of its own. */
  has(char: string): boolean {
    return this.#ids.has(char);
  }

  /**
   * Ids of a text, one a code point, without begin and end.
   *
   * @throws EVOCAB when a character is not in the vocabulary: names it, its place and what could stand instead.
   */
  encode(text: string): Int32Array {
    const characters = [...text];
    const ids = characters.map((char) => this.#ids.get(char));
    if (ids.includes(undefined)) throw new TangshiError('EVOCAB', this.#explain(characters));
    return Int32Array.from(ids as number[]);
  }

  /**
   * Begin, ids of the poem, end; rare characters as UNK.
   *
   * @throws EVOCAB where the vocabulary has no UNK.
   */
  encodePoem(poem: string): Int32Array {
    const { unk } = this;
    const body = unk === undefined ? this.encode(poem) : [...poem].map((char) => this.#ids.get(char) ?? unk);
    return Int32Array.from([this.bos, ...body, this.eos]);
  }

  /**
   * The text of ids; begin, end and UNK read as they are written: `G` or `<s>`. The classic model's extra class
   * reads as the last entry, a space.
   *
   * @throws EVOCAB for an id outside 0 … size - 1.
   */
  decode(ids: Iterable<number>): string {
    let text = '';
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= this.size) {
        throw new TangshiError('EVOCAB', `Expected an id from 0 to ${this.size - 1} but received ${id}`);
      }
      text += this.#entries[Math.min(id, this.#entries.length - 1)];
    }
    return text;
  }

  /** For `JSON.stringify`, and `fromJSON`. */
  toJSON(): VocabJson {
    const characters = this.kind === 'classic' ? this.#entries : this.#entries.slice(MODERN_SPECIALS.length);
    return { kind: this.kind, characters: [...characters] };
  }

  /**
   * The inverse of `toJSON`, for input that may be anything.
   *
   * @throws ECHECKPOINT when it is not a vocabulary.
   */
  static fromJSON(json: unknown): Vocab {
    if (typeof json !== 'object' || json === null) throw damaged('it is not an object');
    const { kind, characters } = json as Partial<Record<keyof VocabJson, unknown>>;
    if (kind !== 'classic' && kind !== 'modern') throw damaged('its kind is unknown');
    if (!Array.isArray(characters) || characters.length > MAX_CHARACTERS)
      throw damaged('it has no list of characters');
    if (!characters.every(isCharacter)) throw damaged('an entry is not one character');
    // A classic vocabulary may hold its final space twice.
    const distinct = kind === 'classic' ? characters.slice(0, -1) : characters;
    if (new Set(distinct).size !== distinct.length) throw damaged('a character stands twice');
    if (kind === 'modern') return Vocab.#modernOf([...characters]);
    const complete =
      characters.at(-1) === ' ' && [CLASSIC_BEGIN, CLASSIC_END].every((char) => distinct.includes(char));
    if (!complete) throw damaged('begin, end or the final space is missing');
    return Vocab.#classicOf([...characters]);
  }

  #explain(characters: readonly string[]): string {
    const unknown = characters
      .map((char, index) => ({ char, place: index + 1 }))
      .filter(({ char }) => !this.#ids.has(char));
    const shown = unknown
      .slice(0, 5)
      .map(({ char, place }) => `${JSON.stringify(char)} (character ${place})`);
    const more = unknown.length > shown.length ? ` and ${unknown.length - shown.length} more` : '';
    const verb = unknown.length === 1 ? 'is' : 'are';
    return `${shown.join(', ')}${more} ${verb} not in the model's vocabulary: ${this.#remedy(unknown.map(({ char }) => char))}`;
  }

  #remedy(unknown: readonly string[]): string {
    const known = this.#otherScript(unknown);
    if (known !== undefined) return `try ${known}, the other script's form`;
    const frequent = this.#entries.filter((entry) => /^\p{Script=Han}$/u.test(entry)).slice(0, 8);
    return frequent.length === 0 ? 'it knows no Han characters' : `frequent ones are ${frequent.join('')}`;
  }

  /** Simplified or traditional forms that are known, for all of the characters; undefined when there are none. */
  #otherScript(unknown: readonly string[]): string | undefined {
    for (const direction of ['to-simplified', 'to-traditional'] as const) {
      try {
        const forms = unknown.map(scriptConverter(direction));
        if (forms.every((form) => this.#ids.has(form))) return forms.join('');
      } catch {
        return undefined; // opencc-js is missing: the message does without
      }
    }
    return undefined;
  }
}

function countCharacters(poems: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const poem of poems) for (const char of poem) counts.set(char, (counts.get(char) ?? 0) + 1);
  return counts;
}

/** A Map keeps the order of first occurrence, and the sort is stable: so ties stay in that order. */
function byCount(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].sort(([, a], [, b]) => b - a).map(([char]) => char);
}

function isCharacter(entry: unknown): entry is string {
  return typeof entry === 'string' && /^\P{Surrogate}$/su.test(entry);
}

function damaged(reason: string): TangshiError {
  return new TangshiError('ECHECKPOINT', `The vocabulary is damaged: ${reason}`);
}
