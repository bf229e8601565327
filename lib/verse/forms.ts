import type { Vocab } from '../data/vocab';
import type { LogitConstraint } from '../native/contract';
import { TangshiError } from '../util/errors';
import type { Rng } from '../util/rng';
import { type FormOptions, type FormRules, formRules } from './form-options';
import { Prosody, RHYME_GROUPS } from './readings';
import { similarSound } from './similar-sound';
import { rhymesAt, type Tone, type TonePattern, toneAt, tonePatterns } from './tone-pattern';

/** Indices of a plan's rhymes: all rhymes of a poem belong together. */
const NO_RHYME = -1;
const RHYME = 0;
/** Minimum number of characters in a rhyme group per rhyme, so that there is a choice. */
const CHARS_PER_RHYME = 6;
/** Number of most frequent characters to choose suggestions from. */
const FREQUENT = 2500;
const HAN = /^\p{Script=Han}$/u;
const MARKS = '，。？！；：、';

/** A form as constraints on the ids of a vocabulary: everything that does not depend on a single poem. */
export class Form {
  readonly #rules: FormRules;
  readonly #vocab: Vocab;
  readonly #prosody: Prosody | undefined;
  /** `[vocabSize]` each: 1 for allowed ids. */
  readonly #masks: Uint8Array[] = [];
  readonly #maskIndices = new Map<string, number>();
  /** `[vocabSize]`: rhyme groups of each id, as a bit set. */
  readonly #rhymeGroups: Int32Array;

  /** @throws ERR_TANGSHI_INVALID_ARG, or ERR_TANGSHI_VOCAB if the model does not know a character of the acrostic. */
  constructor(options: FormOptions, vocab: Vocab) {
    this.#rules = formRules(options);
    this.#vocab = vocab;
    const { rhyme, tone, acrostic } = this.#rules;
    if (rhyme || tone !== 'off') this.#prosody = Prosody.load();
    checkMarks(vocab);
    checkAcrostic(vocab, acrostic);
    this.#rhymeGroups = this.#usableRhymeGroups();
  }

  /** Characters of a poem, including punctuation. */
  get length(): number {
    return this.#rules.lines * (this.#rules.width + 1);
  }

  /**
   * Replaces the punctuation of a prompt by the form's own.
   *
   * @throws ERR_TANGSHI_INVALID_ARG if it is as long as the poem.
   */
  punctuate(prompt: string): string {
    const { width, lines } = this.#rules;
    const chars = [...prompt].filter((char) => !MARKS.includes(char) && char.trim() !== '');
    if (chars.length >= width * lines) {
      throw invalid(
        `A prompt of ${chars.length} characters leaves nothing to write in ${lines} lines of ${width}`,
        'prompt',
      );
    }
    return chars
      .map((char, i) => ((i + 1) % width === 0 ? char + this.#mark(Math.floor(i / width)) : char))
      .join('');
  }

  /** The lines of a poem, with punctuation. */
  linesOf(text: string): string[] {
    const chars = [...text];
    const step = this.#rules.width + 1;
    return Array.from({ length: Math.ceil(chars.length / step) }, (_, line) =>
      chars.slice(line * step, (line + 1) * step).join(''),
    );
  }

  /**
   * Plans for `count` drafts of a poem. Each follows a randomly chosen tone pattern that the prompt allows.
   *
   * @param prompt As returned by `punctuate`.
   * @returns For `constraint`.
   * @throws ERR_TANGSHI_INVALID_ARG if no pattern allows the prompt.
   */
  plan(prompt: string, count: number, rng: Rng): Int32Array[] {
    const chars = [...prompt];
    const head = this.#rules.acrostic[0];
    if (head !== undefined && chars.length > 0 && chars[0] !== head)
      throw invalid(`The prompt ${prompt} does not begin with ${head}, as the acrostic does`, 'prompt');
    const patterns = tonePatterns(this.#rules).filter((pattern) => this.#fits(chars, pattern));
    if (patterns.length === 0) {
      throw invalid(
        `The prompt ${prompt} does not fit the rules of the form: try tone 'off', rhyme false, or another rhymeGroup`,
        'tone',
      );
    }
    const plans = patterns.map((pattern) => this.#planOf(pattern));
    return Array.from({ length: count }, () => plans[rng.below(plans.length)] as Int32Array);
  }

  /** The native constraint for one plan per prompt. */
  constraint(plans: readonly Int32Array[]): LogitConstraint {
    const { size } = this.#vocab;
    const masks = new Uint8Array(this.#masks.length * size);
    for (const [i, mask] of this.#masks.entries()) masks.set(mask, i * size);
    const groups = Uint32Array.from(this.#rhymeGroups);
    return { masks, plans, groups, allowedGroups: Uint32Array.of(this.#rules.rhymeGroups) };
  }

  /** See `LogitConstraint`: the indices of a mask and of a rhyme for each character. */
  #planOf(pattern: TonePattern): Int32Array {
    const { lines, width, acrostic } = this.#rules;
    const plan: number[] = [];
    for (let line = 0; line < lines; line++) {
      for (let index = 0; index < width; index++) {
        const head = index === 0 ? acrostic[line] : undefined;
        const mask = this.#maskIndex(head ?? toneAt(this.#rules, pattern, line, index) ?? 'any');
        plan.push(mask, rhymesAt(this.#rules, pattern, line, index) ? RHYME : NO_RHYME);
      }
      plan.push(this.#maskIndex(this.#mark(line)), NO_RHYME);
    }
    return Int32Array.from(plan);
  }

  /** Whether a prompt, with punctuation, fits a pattern. */
  #fits(prompt: readonly string[], pattern: TonePattern): boolean {
    const { width } = this.#rules;
    return prompt.every((char, i) => {
      const line = Math.floor(i / (width + 1));
      const index = i % (width + 1);
      return index === width || this.#fitsAt(char, pattern, line, index);
    });
  }

  #fitsAt(char: string, pattern: TonePattern, line: number, index: number): boolean {
    const head = index === 0 ? this.#rules.acrostic[line] : undefined;
    if (head !== undefined && head !== char) return false;
    const tone = toneAt(this.#rules, pattern, line, index);
    if (tone !== undefined && !this.#prosody?.reading(char)[tone]) return false;
    const id = this.#vocab.encode(char)[0] as number;
    return !rhymesAt(this.#rules, pattern, line, index) || this.#rhymeGroups[id] !== 0;
  }

  /** The punctuation mark at the end of a line. */
  #mark(line: number): string {
    return line % 2 === 1 || line === this.#rules.lines - 1 ? '。' : '，';
  }

  /** Index of the mask for a specific character, the characters of a tone, or any character. */
  #maskIndex(allowed: string): number {
    const known = this.#maskIndices.get(allowed);
    if (known !== undefined) return known;
    this.#masks.push(this.#makeMask(allowed));
    this.#maskIndices.set(allowed, this.#masks.length - 1);
    return this.#masks.length - 1;
  }

  #makeMask(allowed: string): Uint8Array {
    const mask = new Uint8Array(this.#vocab.size);
    if ([...allowed].length === 1) mask[this.#vocab.encode(allowed)[0] as number] = 1;
    else for (const [id, char] of this.#han()) mask[id] = Number(this.#has(char, allowed as Tone | 'any'));
    return mask;
  }

  #has(char: string, tone: Tone | 'any'): boolean {
    return tone === 'any' || this.#prosody?.reading(char)[tone] === true;
  }

  /** The Han characters of the vocabulary. */
  *#han(): Generator<[id: number, char: string]> {
    for (let id = 0; id < this.#vocab.size; id++) {
      const char = this.#vocab.decode([id]);
      if (HAN.test(char)) yield [id, char];
    }
  }

  /**
   * Rhyme groups of each id, without groups that have too few characters.
   *
   * @throws ERR_TANGSHI_INVALID_ARG if no group has enough.
   */
  #usableRhymeGroups(): Int32Array {
    const groups = new Int32Array(this.#vocab.size);
    const prosody = this.#prosody;
    if (!this.#rules.rhyme || !prosody) return groups;
    for (const [id, char] of this.#han()) groups[id] = prosody.reading(char).groups & this.#rules.rhymeGroups;
    const rhymes = Math.ceil(this.#rules.lines / 2) + 1;
    const usable = groupsWith(groups, rhymes * CHARS_PER_RHYME) || groupsWith(groups, rhymes);
    if (usable !== 0) return groups.map((all) => all & usable);
    throw invalid(
      `The model's vocabulary has no rhyme group of ${rhymes} characters: try rhyme false`,
      'rhyme',
    );
  }
}

/** Bit mask of the groups with at least this number of characters. */
function groupsWith(groups: Int32Array, members: number): number {
  let usable = 0;
  for (let bit = 0; bit < RHYME_GROUPS.length; bit++) {
    const count = groups.reduce((sum, all) => sum + ((all >> bit) & 1), 0);
    if (count >= members) usable |= 1 << bit;
  }
  return usable;
}

function invalid(message: string, option: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
}

/** @throws ERR_TANGSHI_VOCAB if the model was trained on poems without punctuation. */
function checkMarks(vocab: Vocab): void {
  const missing = [...'，。'].filter((mark) => !vocab.has(mark));
  if (missing.length === 0) return;
  throw new TangshiError(
    'ERR_TANGSHI_VOCAB',
    `A form needs the punctuation ${missing.join(' and ')}, which the model does not know: it was trained on poems without ` +
      'punctuation. Omit form and acrostic, or choose another model',
    { option: 'form' },
  );
}

/** @throws ERR_TANGSHI_VOCAB that suggests characters that sound alike for an acrostic. */
function checkAcrostic(vocab: Vocab, acrostic: readonly string[]): void {
  const unknown = acrostic.filter((char) => !vocab.has(char));
  if (unknown.length === 0) return;
  const characters = vocab.toJSON().characters.slice(0, FREQUENT);
  const alike = unknown.map((char) => `${char} sounds like ${similarSound(char, characters).join('')}`);
  throw new TangshiError(
    'ERR_TANGSHI_VOCAB',
    `The acrostic has ${unknown.join(', ')}, which the model does not know. In Mandarin, ${alike.join(', ')}`,
    { option: 'acrostic' },
  );
}
