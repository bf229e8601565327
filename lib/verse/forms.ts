import type { Vocab } from '../data/vocab';
import type { Guide } from '../native/contract';
import { TangshiError } from '../util/errors';
import type { Rng } from '../util/rng';
import { Prosody, type RhymeGroup, rhymeGroup } from './readings';

/**
 * Which places the pattern of level and oblique tones holds.
 *
 * - `loose`: those that the rules are strict about: the second, fourth and sixth, and the last
 * - `strict`: also no three alike at a line's end, no lone 平
 * - `off`: none
 */
export type ToneRule = 'strict' | 'loose' | 'off';

/** A fixed form, or lines x characters: `6x4`. */
export type FormName = '五绝' | '七绝' | '五律' | '七律' | `${number}x${number}`;

/** The form that a poem is held to, and its rules. */
export type FormOptions = Readonly<{
  form?: FormName;
  /** The lines begin with these characters, one a line; without `form`, lines of five or seven as many as there are. */
  acrostic?: string;
  /** Lines rhyme, in one level group and no character twice. Default: in the fixed forms. */
  rhyme?: boolean;
  /** Default: `loose` in the fixed forms, `off` in others. */
  tone?: ToneRule;
  /** By its name, 东 for one; default: as the model likes. */
  rhymeGroup?: RhymeGroup;
}>;

/** Beside the index of a mask in a `Guide`'s plan: the place rhymes. */
const RHYMES = 0x10000;

/** What a poem is held to. */
type Rules = Readonly<{
  lines: number;
  width: number;
  acrostic: readonly string[];
  rhyme: boolean;
  tone: ToneRule;
  groups: number;
}>;

/** What tells one regulated pattern from the others: all else follows. */
type Pattern = Readonly<{ secondIsLevel: boolean; firstRhymes: boolean }>;

const FIXED: Readonly<Record<string, readonly [lines: number, width: number]>> = {
  ...{ 五绝: [4, 5], 七绝: [4, 7], 五律: [8, 5], 七律: [8, 7] },
  ...{ 五絕: [4, 5], 七絕: [4, 7] },
};
const HAN = /^\p{Script=Han}$/u;
const MOST_LINES = 40;
const MOST_WIDTH = 20;
/** A group to rhyme in must have so many characters for each that is needed: the first rhyme must not lead nowhere. */
const CHOICE = 6;
const MARKS = '，。？！；：、';

/** @throws EARG for a form that is none, and for what does not go with it. */
function rulesOf({ form, acrostic, rhyme, tone, rhymeGroup: group }: FormOptions): Rules {
  if (form !== undefined && typeof form !== 'string')
    throw new TangshiError('EARG', `There is no form ${form}`);
  const heads = [...(acrostic ?? '')];
  if (acrostic !== undefined && (heads.length === 0 || !heads.every((char) => HAN.test(char)))) {
    throw new TangshiError('EARG', `Expected Han characters for an acrostic but received '${acrostic}'`);
  }
  const sizes =
    form === undefined ? ([heads.length, heads.length % 2 === 0 ? 7 : 5] as const) : sizesOf(form);
  const [lines, width] = sizes;
  const isFixed = form !== undefined && Object.hasOwn(FIXED, form);
  if (heads.length > 0 && heads.length !== lines) {
    throw new TangshiError(
      'EARG',
      `${acrostic} has ${heads.length} characters, but ${form} has ${lines} lines`,
    );
  }
  return {
    ...{ lines, width, acrostic: heads },
    ...{ rhyme: rhyme ?? (isFixed || group !== undefined), tone: tone ?? (isFixed ? 'loose' : 'off') },
    groups: group === undefined ? 2 ** RHYME_BITS - 1 : rhymeGroup(group),
  };
}

const RHYME_BITS = 30;

function sizesOf(form: string): readonly [number, number] {
  if (Object.hasOwn(FIXED, form)) return FIXED[form] as readonly [number, number];
  const [, lines, width] = /^(\d{1,2})[x×](\d{1,2})$/.exec(form)?.map(Number) ?? [];
  if (width && lines && width <= MOST_WIDTH && lines <= MOST_LINES) return [lines, width];
  throw new TangshiError(
    'EARG',
    `There is no form ${form}: 五绝, 七绝, 五律, 七律, or lines x characters, as 6x4 (up to ${MOST_LINES}x${MOST_WIDTH})`,
  );
}

/** A form made ready for a model: what does not depend on the single poem. */
export class Form {
  readonly #rules: Rules;
  readonly #vocab: Vocab;
  readonly #prosody: Prosody | undefined;
  readonly #masks: Uint8Array[] = [];
  readonly #places = new Map<string, number>();
  readonly #groups: Int32Array;

  /** @throws EARG, EVOCAB for an acrostic that the model cannot write. */
  constructor(options: FormOptions, vocab: Vocab) {
    this.#rules = rulesOf(options);
    this.#vocab = vocab;
    const { rhyme, tone, acrostic } = this.#rules;
    if (rhyme || tone !== 'off') this.#prosody = Prosody.load();
    vocab.encode(acrostic.join(''));
    this.#groups = this.#groupsOfAll();
  }

  /** Characters of a poem, marks included. */
  get length(): number {
    return this.#rules.lines * (this.#rules.width + 1);
  }

  /** A beginning with the marks that the form has in it. @throws EARG when it is longer than the poem. */
  begin(text: string): string {
    const { width, lines } = this.#rules;
    const chars = [...text].filter((char) => !MARKS.includes(char) && char.trim() !== '');
    if (chars.length >= width * lines) {
      throw new TangshiError(
        'EARG',
        `A beginning of ${chars.length} characters leaves nothing to write in ${lines} lines of ${width}`,
      );
    }
    let begun = '';
    chars.forEach((char, i) => {
      begun += char;
      if ((i + 1) % width === 0) begun += this.#mark(Math.floor(i / width));
    });
    return begun;
  }

  /** The lines of a poem, each with its mark. */
  linesOf(text: string): string[] {
    const chars = [...text];
    const step = this.#rules.width + 1;
    return Array.from({ length: Math.ceil(chars.length / step) }, (_, line) =>
      chars.slice(line * step, (line + 1) * step).join(''),
    );
  }

  /**
   * The constraint that keeps `count` poems to the form, each to a tone pattern that its beginning allows.
   *
   * @throws EARG when no pattern allows it.
   */
  guide(beginning: string, count: number, rng: Rng): Guide {
    const chars = [...beginning];
    const head = this.#rules.acrostic[0];
    if (head !== undefined && chars.length > 0 && chars[0] !== head) {
      throw new TangshiError(
        'EARG',
        `${beginning} does not begin with ${head}, as the acrostic has it: leave one of them away`,
      );
    }
    const patterns = this.#patterns().filter((pattern) => this.#fits(chars, pattern));
    if (patterns.length === 0) {
      throw new TangshiError(
        'EARG',
        `${beginning} does not fit the rules of the form: try --tone off or --rhyme off`,
      );
    }
    const plans = Array.from({ length: count }, () =>
      this.#plan(patterns[rng.below(patterns.length)] as Pattern),
    );
    const masks = new Uint8Array(this.#masks.length * this.#vocab.size);
    for (const [i, mask] of this.#masks.entries()) masks.set(mask, i * this.#vocab.size);
    return { masks, plans, groups: this.#groups, allowedGroups: this.#rules.groups };
  }

  #patterns(): Pattern[] {
    const { rhyme, tone } = this.#rules;
    const both = [true, false];
    return (tone === 'off' ? [true] : both).flatMap((secondIsLevel) =>
      (rhyme ? both : [false]).map((firstRhymes) => ({ secondIsLevel, firstRhymes })),
    );
  }

  #plan(pattern: Pattern): Int32Array {
    const { lines, width } = this.#rules;
    const plan: number[] = [];
    for (let line = 0; line < lines; line++) {
      for (let place = 0; place < width; place++) {
        const head = place === 0 ? this.#rules.acrostic[line] : undefined;
        const mask = this.#maskOf(head ?? this.#toneAt(line, place, pattern) ?? 'any');
        plan.push(this.#rhymesAt(line, place, pattern) ? mask + RHYMES : mask);
      }
      plan.push(this.#maskOf(this.#mark(line)));
    }
    return Int32Array.from(plan);
  }

  #rhymesAt(line: number, place: number, { firstRhymes }: Pattern): boolean {
    const { rhyme, width } = this.#rules;
    return rhyme && place === width - 1 && (line % 2 === 1 || (line === 0 && firstRhymes));
  }

  /** Undefined where either tone may stand. */
  #toneAt(line: number, place: number, pattern: Pattern): Tone | undefined {
    const { rhyme, tone, width } = this.#rules;
    const last = width - 1;
    // A first line that ended level and did not rhyme would sound like a slip.
    if (rhyme && line === 0 && place === last && !pattern.firstRhymes) return 'oblique';
    if (tone === 'off') return undefined;
    const isLevel = (at: number): boolean | undefined => {
      // Even lines end level; odd ones do not, but for a first one that rhymes.
      if (at === last) return line % 2 === 1 || (line === 0 && pattern.firstRhymes);
      if (at % 2 === 0) return undefined;
      // Within a couplet lines oppose each other, from couplet to couplet they go on alike.
      const second = pattern.secondIsLevel === (Math.floor((line + 1) / 2) % 2 === 0);
      return second === (at % 4 === 1);
    };
    let level = isLevel(place);
    if (level === undefined && tone === 'strict') {
      if (place === last - 2 && isLevel(last - 1) === isLevel(last)) level = !isLevel(last);
      if (place === last - 4 && isLevel(last) && !isLevel(last - 1)) level = true;
    }
    return level === undefined ? undefined : level ? 'level' : 'oblique';
  }

  #fits(beginning: readonly string[], pattern: Pattern): boolean {
    const { width } = this.#rules;
    return beginning.every((char, i) => {
      const [line, place] = [Math.floor(i / (width + 1)), i % (width + 1)];
      if (place === width) return true;
      const head = place === 0 ? this.#rules.acrostic[line] : undefined;
      if (head !== undefined && head !== char) return false;
      const tone = this.#toneAt(line, place, pattern);
      const reading = this.#prosody?.reading(char);
      if (tone !== undefined && !reading?.[tone]) return false;
      // In a group that has enough rhymes to go on in.
      return (
        !this.#rhymesAt(line, place, pattern) || this.#groups[this.#vocab.encode(char)[0] as number] !== 0
      );
    });
  }

  #mark(line: number): string {
    return line % 2 === 1 || line === this.#rules.lines - 1 ? '。' : '，';
  }

  /** The index of the mask of a tone, of any character, or of one alone. */
  #maskOf(what: string): number {
    const known = this.#places.get(what);
    if (known !== undefined) return known;
    const { size } = this.#vocab;
    const mask = new Uint8Array(size);
    if ([...what].length === 1) mask[this.#vocab.encode(what)[0] as number] = 1;
    else for (const [id, char] of this.#han()) mask[id] = Number(this.#isOf(char, what as Tone | 'any'));
    this.#places.set(what, this.#masks.length);
    this.#masks.push(mask);
    return this.#masks.length - 1;
  }

  #isOf(char: string, tone: Tone | 'any'): boolean {
    return tone === 'any' || this.#prosody?.reading(char)[tone] === true;
  }

  *#han(): Generator<[id: number, char: string]> {
    for (let id = 0; id < this.#vocab.size; id++) {
      const char = this.#vocab.decode([id]);
      if (HAN.test(char)) yield [id, char];
    }
  }

  /**
   * Of groups that have enough characters to rhyme in.
   *
   * @throws EARG when there is none.
   */
  #groupsOfAll(): Int32Array {
    const groups = new Int32Array(this.#vocab.size);
    const prosody = this.#prosody;
    if (!this.#rules.rhyme || !prosody) return groups;
    for (const [id, char] of this.#han()) groups[id] = prosody.reading(char).groups & this.#rules.groups;
    const needed = Math.ceil(this.#rules.lines / 2) + 1;
    const wide = this.#groupsOf(groups, needed * CHOICE) || this.#groupsOf(groups, needed);
    if (wide === 0) {
      throw new TangshiError(
        'EARG',
        `No group has ${needed} rhymes among the characters of the model: try --rhyme off`,
      );
    }
    return groups.map((all) => all & wide);
  }

  /** Those that have so many characters, as bits. */
  #groupsOf(groups: Int32Array, members: number): number {
    let wide = 0;
    for (let bit = 0; bit < RHYME_BITS; bit++) {
      const count = groups.reduce((sum, all) => sum + ((all >> bit) & 1), 0);
      if (count >= members) wide |= 1 << bit;
    }
    return wide;
  }
}

type Tone = 'level' | 'oblique';
