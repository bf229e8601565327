import { TangshiError } from '../util/errors';
import { requireIterable, requireObject, requireString, requireStrings } from '../util/guards';
import { scriptConverter } from '../util/script-conversion';
import { GENRES } from './genre';
import { FULL_WIDTH } from './punctuation';
import { standardForms } from './standard-forms';

/**
 * A vocabulary as stored in a checkpoint. Characters are in order of their ids; under `modern` the first has id 3.
 * Control tokens follow them.
 */
export type VocabJson = Readonly<{
  kind: 'classic' | 'modern';
  characters: readonly string[];
  controls?: readonly Control[];
}>;

/** What precedes a poem: a title after its mark, and the genre. */
export const CONTROLS = ['title', ...GENRES] as const;
/** One of `CONTROLS`. */
export type Control = (typeof CONTROLS)[number];

type Special = Readonly<{ bos: number; eos: number; unk: number | undefined }>;

const MODERN_SPECIALS = ['<unk>', '<s>', '</s>'] as const;
const CLASSIC_BEGIN = 'G';
const CLASSIC_END = 'E';
/** More than the number of Han characters in Unicode. */
const MAX_CHARACTERS = 200_000;

/** A character in simplified and in traditional script, as far as there are converters. */
function otherScripts(char: string): string[] {
  return (['to-simplified', 'to-traditional'] as const).flatMap((direction) => {
    try {
      return scriptConverter(direction)(char);
    } catch {
      return []; // opencc-js is missing or, in a browser, not loaded
    }
  });
}

/**
 * Characters (Unicode code points) and their ids. Immutable.
 *
 * - `Vocab.build`: 0 `<unk>`, 1 `<s>`, 2 `</s>`, then characters by descending count, then control tokens, if any.
 * - `Vocab.classic`: as in the original program, where begin and end are the ordinary characters G and E.
 *
 * @example
 * const vocab = Vocab.build(poems, { minCount: 2 });
 * vocab.decode(vocab.encode('床前明月光')); // '床前明月光'
 */
export class Vocab {
  /** Whether it was made by `Vocab.classic` or by `Vocab.build`. */
  readonly kind: 'classic' | 'modern';
  /** Number of ids: 0 … size - 1. */
  readonly size: number;
  /** Id at the beginning of a poem. */
  readonly bos: number;
  /** Id at the end of a poem. */
  readonly eos: number;
  /** Id of rare and unknown characters; undefined in the classic vocabulary. */
  readonly unk: number | undefined;
  /** Ids that are never generated. Empty in the classic vocabulary: the original program had no such rule. */
  readonly banned: Int32Array;
  readonly #entries: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #controls: readonly Control[];

  private constructor(
    kind: VocabJson['kind'],
    entries: readonly string[],
    ids: Map<string, number>,
    special: Special,
    controls: readonly Control[] = [],
  ) {
    this.kind = kind;
    this.#controls = controls;
    this.#entries = entries;
    this.#ids = ids;
    // The original program added an unused class to the size of its map.
    this.size = kind === 'classic' ? ids.size + 1 : entries.length;
    this.bos = special.bos;
    this.eos = special.eos;
    this.unk = special.unk;
    const inputs = controls.map((control) => this.control(control) as number);
    this.banned = Int32Array.from(special.unk === undefined ? [] : [special.unk, special.bos, ...inputs]);
  }

  /**
   * The original program's vocabulary: characters of the poems with G and E around each, by descending count, ties by
   * first occurrence, then a space.
   *
   * @param poems Without G and E, in training order.
   * @throws ERR_TANGSHI_INVALID_ARG if there are no poems.
   */
  static classic(poems: readonly string[]): Vocab {
    requireStrings(poems, 'poems');
    const wrapped = poems.map((poem) => `${CLASSIC_BEGIN}${poem}${CLASSIC_END}`);
    return Vocab.#classicOf([...byCount(countCharacters(wrapped)), ' ']);
  }

  static #classicOf(entries: readonly string[]): Vocab {
    // A space inside a poem makes ' ' occur twice. As in Python's dict, the last index counts.
    const ids = new Map(entries.map((char, id) => [char, id]));
    const bos = ids.get(CLASSIC_BEGIN);
    const eos = ids.get(CLASSIC_END);
    if (bos === undefined || eos === undefined)
      throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'Expected at least one poem');
    return new Vocab('classic', entries, ids, { bos, eos, unk: undefined });
  }

  /**
   * Ids by descending count, ties by first occurrence.
   *
   * @param options `minCount`: characters that occur fewer times become `<unk>`. `controls`: tokens that can precede a
   * poem. Default: none.
   * @throws ERR_TANGSHI_INVALID_ARG
   */
  static build(
    poems: readonly string[],
    options: Readonly<{ minCount: number; controls?: readonly Control[] }>,
  ): Vocab {
    requireStrings(poems, 'poems');
    requireObject(options, 'options');
    const { minCount, controls = [] } = options;
    if (!Number.isInteger(minCount) || minCount < 1) {
      throw new TangshiError(
        'ERR_TANGSHI_INVALID_ARG',
        `Expected an integer of at least 1 for minCount but received ${minCount}`,
      );
    }
    const counts = countCharacters(poems);
    const characters = byCount(counts).filter((char) => (counts.get(char) as number) >= minCount);
    return Vocab.#modernOf(characters, controls);
  }

  static #modernOf(characters: readonly string[], controls: readonly Control[]): Vocab {
    const first = MODERN_SPECIALS.length;
    // Special tokens are not characters, so they are not in the map: no text can contain them.
    const ids = new Map(characters.map((char, index) => [char, first + index]));
    const entries = [...MODERN_SPECIALS, ...characters, ...controls.map((control) => `<${control}>`)];
    return new Vocab('modern', entries, ids, { unk: 0, bos: 1, eos: 2 }, controls);
  }

  /** Id of a control token; undefined if the vocabulary has none. */
  control(name: Control): number | undefined {
    const index = this.#controls.indexOf(name);
    return index < 0 ? undefined : this.#entries.length - this.#controls.length + index;
  }

  /** Whether a character has its own id. */
  has(char: string): boolean {
    return this.#ids.has(char);
  }

  /**
   * Ids of a text, one per code point, without begin and end.
   *
   * @throws ERR_TANGSHI_VOCAB if a character is not in the vocabulary; the message has its position and alternatives.
   * ERR_TANGSHI_INVALID_ARG
   */
  encode(text: string): Int32Array {
    requireString(text, 'text');
    const characters = [...text];
    const ids = characters.map((char) => this.#ids.get(char));
    if (ids.includes(undefined)) throw new TangshiError('ERR_TANGSHI_VOCAB', this.#explain(characters));
    return Int32Array.from(ids as number[]);
  }

  /**
   * Replaces each character that the vocabulary lacks by an equivalent that it has: a compatibility form, full-width
   * punctuation, or the character in the other script. Removes unknown white space and invisible characters. Other unknown
   * characters stay as they are.
   *
   * @throws ERR_TANGSHI_INVALID_ARG
   * @example
   * vocab.normalize('細雨, 魚兒出'); // '细雨，鱼儿出' if the corpus is in simplified characters
   */
  normalize(text: string): string {
    requireString(text, 'text');
    return [...text].map((char) => (this.has(char) ? char : this.#equivalent(char))).join('');
  }

  /**
   * Ids of a poem with begin and end; unknown characters become UNK.
   *
   * @throws ERR_TANGSHI_VOCAB for an unknown character if the vocabulary has no UNK. ERR_TANGSHI_INVALID_ARG
   */
  encodePoem(poem: string): Int32Array {
    requireString(poem, 'poem');
    const { unk } = this;
    const body = unk === undefined ? this.encode(poem) : [...poem].map((char) => this.#ids.get(char) ?? unk);
    return Int32Array.from([this.bos, ...body, this.eos]);
  }

  /**
   * Text of ids; begin, end and UNK become `<s>`, `</s>` and `<unk>`, or `G` and `E`. The unused class of the classic
   * vocabulary becomes its last entry, a space.
   *
   * @throws ERR_TANGSHI_VOCAB for an id outside 0 … size - 1. ERR_TANGSHI_INVALID_ARG
   */
  decode(ids: Iterable<number>): string {
    requireIterable(ids, 'ids');
    let text = '';
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= this.size) {
        throw new TangshiError(
          'ERR_TANGSHI_VOCAB',
          `Expected an id from 0 to ${this.size - 1} but received ${id}`,
        );
      }
      text += this.#entries[Math.min(id, this.#entries.length - 1)];
    }
    return text;
  }

  /** For `JSON.stringify` and `fromJSON`. */
  toJSON(): VocabJson {
    if (this.kind === 'classic') return { kind: 'classic', characters: [...this.#entries] };
    const controls = [...this.#controls];
    const characters = this.#entries.slice(MODERN_SPECIALS.length, this.#entries.length - controls.length);
    return { kind: 'modern', characters, ...(controls.length > 0 && { controls }) };
  }

  /**
   * The inverse of `toJSON`. All input is validated.
   *
   * @throws ERR_TANGSHI_CHECKPOINT if it is not a vocabulary.
   */
  static fromJSON(json: unknown): Vocab {
    if (typeof json !== 'object' || json === null) throw damaged('it is not an object');
    const { kind, characters, controls = [] } = json as Partial<Record<keyof VocabJson, unknown>>;
    if (kind !== 'classic' && kind !== 'modern') throw damaged('its kind is unknown');
    if (!Array.isArray(characters) || characters.length > MAX_CHARACTERS)
      throw damaged('it has no array of characters');
    if (!characters.every(isCharacter)) throw damaged('an entry is not one character');
    // A classic vocabulary may contain its final space twice.
    const distinct = kind === 'classic' ? characters.slice(0, -1) : characters;
    if (new Set(distinct).size !== distinct.length) throw damaged('a character occurs twice');
    if (kind === 'modern') {
      if (!Array.isArray(controls) || !controls.every(isControl) || new Set(controls).size < controls.length)
        throw damaged('a control token is unknown, or occurs twice');
      return Vocab.#modernOf([...characters], controls);
    }
    const complete =
      characters.at(-1) === ' ' && [CLASSIC_BEGIN, CLASSIC_END].every((char) => distinct.includes(char));
    if (!complete) throw damaged('begin, end or the final space is missing');
    return Vocab.#classicOf([...characters]);
  }

  #equivalent(char: string): string {
    if (/^[\s\p{Default_Ignorable_Code_Point}]$/u.test(char)) return '';
    const compatible = char.normalize('NFKC');
    const scripts = otherScripts(compatible);
    const forms = [compatible, FULL_WIDTH[compatible], ...scripts, ...scripts.map(standardForms)];
    return forms.find((form) => form !== undefined && [...form].every((part) => this.has(part))) ?? char;
  }

  #explain(characters: readonly string[]): string {
    const unknown = characters
      .map((char, index) => ({ char, position: index + 1 }))
      .filter(({ char }) => !this.#ids.has(char));
    const shown = unknown
      .slice(0, 5)
      .map(({ char, position }) => `${JSON.stringify(char)} (character ${position})`);
    const more = unknown.length > shown.length ? ` and ${unknown.length - shown.length} more` : '';
    const verb = unknown.length === 1 ? 'is' : 'are';
    return `${shown.join(', ')}${more} ${verb} not in the model's vocabulary: ${this.#remedy(unknown.map(({ char }) => char))}`;
  }

  #remedy(unknown: readonly string[]): string {
    const known = this.#otherScript(unknown);
    if (known !== undefined) return `try ${known}, the same in the other script`;
    const frequent = this.#entries.filter((entry) => /^\p{Script=Han}$/u.test(entry)).slice(0, 8);
    if (frequent.length === 0) return 'it has no Han characters';
    const rare = this.unk === undefined ? '' : 'rare ones are left out (minCount), ';
    return `${rare}frequent ones are ${frequent.join('')}`;
  }

  /** The characters in simplified or traditional script, if all of those are in the vocabulary. */
  #otherScript(unknown: readonly string[]): string | undefined {
    for (const direction of ['to-simplified', 'to-traditional'] as const) {
      try {
        const forms = unknown.map(scriptConverter(direction));
        if (forms.every((form) => this.#ids.has(form))) return forms.join('');
      } catch {} // no converter, no suggestion
    }
    return undefined;
  }
}

function countCharacters(poems: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const poem of poems) for (const char of poem) counts.set(char, (counts.get(char) ?? 0) + 1);
  return counts;
}

/** By descending count. A Map keeps the order of first occurrence and the sort is stable, so ties keep that order. */
function byCount(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].sort(([, a], [, b]) => b - a).map(([char]) => char);
}

function isCharacter(entry: unknown): entry is string {
  return typeof entry === 'string' && /^\P{Surrogate}$/su.test(entry);
}

function isControl(entry: unknown): entry is Control {
  return CONTROLS.includes(entry as Control);
}

function damaged(reason: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_CHECKPOINT', `The vocabulary is damaged: ${reason}`);
}
