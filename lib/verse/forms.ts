import { type Genre, genreOfLines } from '../data/genre';
import type { Vocab } from '../data/vocab';
import type { LogitConstraint } from '../native/contract';
import { TangshiError } from '../util/errors';
import type { Rng } from '../util/rng';
import { type FormOptions, type FormRules, formRules } from './form-options';
import { COUPLET, formNamed, isCi } from './form-patterns';
import { lengthOf, MARKS, type Pattern, type Position, type Row } from './pattern';
import { COMMON } from './reading-share';
import { similarSound } from './similar-sound';
import { type Tone, toneSign } from './tone';
import { type Placement, TONE_CLASSES, type ToneClass, VocabReadings } from './vocab-readings';

const NONE = -1;
/** Forms of a vocabulary to keep. */
const MAX_FORMS = 16;
/** Minimum number of characters in a rhyme group per rhyme, so that there is a choice. */
const CHARS_PER_RHYME = 6;
/** Number of most frequent characters to choose suggestions from. */
const FREQUENT = 2500;
/** Of 100 sentences, those that follow the usual alternative of their row. */
const USUAL = 80;

/** A form as constraints on the ids of a vocabulary: everything that does not depend on a single poem. */
export class Form {
  readonly #rules: FormRules;
  readonly #vocab: Vocab;
  readonly #readings: VocabReadings;
  /** `[vocabSize]` each: 1 for allowed ids. */
  readonly #masks: Uint8Array[] = [];
  readonly #maskIndices = new Map<string, number>();
  /** For each table of a `LogitConstraint`, the groups that rhymes may use. */
  readonly #usableGroups: ReadonlyMap<ToneClass, ReadonlySet<number>>;

  /**
   * @param prompt The beginning of the poem; the first line of a couplet.
   * @throws ERR_TANGSHI_INVALID_ARG, or ERR_TANGSHI_VOCAB if the model does not know a character of the acrostic.
   */
  constructor(options: FormOptions, vocab: Vocab, prompt = '') {
    this.#rules = formRules(options, prompt);
    this.#vocab = vocab;
    checkMarks(vocab, this.#marks());
    checkAcrostic(vocab, this.#rules.acrostic);
    this.#checkAcrosticLength();
    this.#readings = VocabReadings.of(vocab, this.#rules.book);
    this.#usableGroups = this.#findUsableGroups();
  }

  static readonly #known = new WeakMap<Vocab, Map<string, Form>>();

  /** A form that was made before with the same options, or a new one: poems of one form can be drawn together. */
  static of(options: FormOptions, vocab: Vocab, prompt: string): Form {
    const { form, pattern, lines, acrostic, rhyme, tone, rhymeGroup, rhymeBook } = options;
    const needsPrompt = form !== undefined && formNamed(form) === COUPLET;
    const own = [form, pattern, lines, acrostic, rhyme, tone, rhymeGroup, rhymeBook, needsPrompt && prompt];
    const key = JSON.stringify(own);
    const forms = Form.#known.get(vocab) ?? new Map<string, Form>();
    Form.#known.set(vocab, forms);
    const known = forms.get(key) ?? new Form(options, vocab, prompt);
    forms.delete(key); // the one that was used last is at the end
    forms.set(key, known);
    for (const oldest of forms.keys()) if (forms.size > MAX_FORMS) forms.delete(oldest);
    return known;
  }

  /** Characters of a poem, including punctuation. */
  get length(): number {
    return lengthOf(this.#pattern);
  }

  /** The genre of its poems, as a model learns it; undefined for a couplet. */
  get genre(): Genre | undefined {
    const { name } = this.#rules;
    if (name === COUPLET) return undefined;
    return this.tune === undefined ? genreOfLines(lineLengths(this.#pattern)) : '词';
  }

  /** The tune of a ci. */
  get tune(): string | undefined {
    const { name } = this.#rules;
    return name !== undefined && isCi(name) ? name : undefined;
  }

  /** All patterns have the same lines as the first. */
  get #pattern(): Pattern {
    return this.#rules.patterns[0] as Pattern;
  }

  /**
   * Replaces the punctuation of a prompt by the form's own.
   *
   * @throws ERR_TANGSHI_INVALID_ARG if it is as long as the poem.
   */
  punctuate(prompt: string): string {
    const chars = [...prompt].filter((char) => !MARKS.includes(char) && char.trim() !== '');
    const usual = usualPositions(this.#pattern);
    const length = usual.filter(({ mark }) => mark === undefined).length;
    if (chars.length >= length) {
      throw invalid(
        `A prompt of ${chars.length} characters leaves nothing to write in a form of ${length} characters`,
        'prompt',
      );
    }
    let text = '';
    for (const { mark } of usual) {
      if (mark !== undefined) text += text === '' ? '' : markIn(this.#vocab, mark);
      else if (chars.length === 0) break;
      else text += chars.shift();
    }
    return text;
  }

  /** The lines of a poem by stanza, with punctuation: as printed, so that a ci has a sentence per line. */
  stanzasOf(text: string): string[][] {
    const { rows, stanzas } = this.#pattern;
    const chars = [...text];
    const result: string[][] = [];
    for (const [i, [usual = []]] of rows.entries()) {
      if (i === 0 || stanzas.includes(i)) result.push([]);
      const sentence = chars.splice(0, usual.length).join('');
      if (sentence !== '') result.at(-1)?.push(...(this.#isGrid ? sentence.split(AFTER_MARK) : [sentence]));
    }
    return result.filter((lines) => lines.length > 0);
  }

  /** Whether all lines have the same length. */
  get #isGrid(): boolean {
    return new Set(lineLengths(this.#pattern)).size === 1;
  }

  /**
   * Plans for `count` drafts of a poem. Each follows a randomly chosen pattern that the prompt allows.
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
    const fitting = (share: number) =>
      this.#rules.patterns
        .map(({ rows }) => this.#fittingRows(rows, chars, share))
        .filter((rows) => rows !== undefined);
    const usual = fitting(COMMON);
    const patterns = usual.length > 0 ? usual : fitting(0);
    if (patterns.length === 0) {
      throw invalid(
        `The prompt ${prompt} does not fit the rules of the form: try tone 'loose' or 'off', rhyme false, or another rhymeGroup`,
        'tone',
      );
    }
    return Array.from({ length: count }, () => {
      const rows = patterns[rng.below(patterns.length)] as Row[];
      return this.#planOf(rows.flatMap((row) => chooseAlternative(row, rng)));
    });
  }

  /** The native constraint for one plan per prompt. */
  constraint(plans: readonly Int32Array[]): LogitConstraint {
    const { size } = this.#vocab;
    const masks = new Uint8Array(this.#masks.length * size);
    for (const [i, mask] of this.#masks.entries()) masks.set(mask, i * size);
    const words = Math.max(1, Math.ceil((this.#rules.book?.groups.length ?? 0) / 32));
    const groups = new Uint32Array(TONE_CLASSES.length * size * words);
    for (const [table, tone] of TONE_CLASSES.entries()) {
      const usable = this.#usableGroups.get(tone);
      if (!usable) continue;
      for (const [id, all] of this.#readings.groups[tone].entries())
        setBits(
          groups.subarray((table * size + id) * words),
          all.filter((group) => usable.has(group)),
        );
    }
    return { masks, plans, groups, allowedGroups: new Uint32Array(words).fill(0xffffffff) };
  }

  /**
   * The alternatives of each row that the prompt and the acrostic allow; undefined if the prompt allows none.
   *
   * @param share Share of a reading from which it counts.
   */
  #fittingRows(rows: readonly Row[], prompt: readonly string[], share: number): Row[] | undefined {
    const heads = [...this.#rules.acrostic];
    const fitting: Row[] = [];
    let start = 0;
    for (const row of rows) {
      const given = prompt.slice(start, start + (row[0]?.length ?? 0));
      const own = heads.splice(0, (row[0] ?? []).filter(endsLine).length);
      const allowed = row.filter((positions) => this.#fits(given, positions, share));
      if (allowed.length === 0) return undefined;
      const withHeads = allowed.filter((positions) => this.#fits(headsAt(own, positions), positions, share));
      fitting.push(withHeadPositions(withHeads.length > 0 ? withHeads : allowed, own));
      start += given.length;
      if (given.length < (row[0]?.length ?? 0)) start = prompt.length;
    }
    return this.#agrees(
      fitting.flatMap(([first = []]) => [...first]),
      prompt,
    )
      ? fitting
      : undefined;
  }

  /** Whether the rhymes of a prompt rhyme with each other, and repeated lines are the same. */
  #agrees(positions: readonly Position[], prompt: readonly string[]): boolean {
    const shared = new Map<number, ReadonlySet<number>>();
    return prompt.every((char, i) => {
      const { rhyme, tone = 'any', repeats } = positions[i] as Position;
      if (repeats !== undefined) return prompt[i - repeats] === char;
      if (rhyme === undefined) return true;
      const own = this.#readings.groups[tone][this.#vocab.encode(char)[0] as number] ?? [];
      const earlier = shared.get(rhyme);
      const groups = new Set(earlier ? own.filter((group) => earlier.has(group)) : own);
      shared.set(rhyme, groups);
      return groups.size > 0;
    });
  }

  /** @param chars Characters at the positions; undefined where any may stand. */
  #fits(chars: readonly (string | undefined)[], positions: readonly Position[], share: number): boolean {
    const canBe = (char: string, tone: Tone) =>
      this.#rules.book?.readings(char).some((reading) => reading.tone === tone && reading.share >= share);
    return chars.every((char, i) => {
      const { mark, tone, rhyme } = positions[i] as Position;
      if (char === undefined || mark !== undefined) return true;
      if (tone !== undefined && !canBe(char, tone)) return false;
      if (rhyme === undefined) return true;
      const id = this.#vocab.encode(char)[0] as number;
      const usable = this.#usableGroups.get(tone ?? 'any');
      return (this.#readings.groups[tone ?? 'any'][id] ?? []).some((group) => usable?.has(group));
    });
  }

  /** See `LogitConstraint`: mask, rhyme, table and repeated position of each character. */
  #planOf(positions: readonly HeadPosition[]): Int32Array {
    return Int32Array.from(
      positions.flatMap((position, i) => {
        const { tone, rhyme, repeats } = position;
        const isEnd = endsLine(positions[i + 1]);
        return [
          this.#maskIndex(position, isEnd),
          rhyme ?? NONE,
          rhyme === undefined ? 0 : TONE_CLASSES.indexOf(tone ?? 'any'),
          repeats === undefined ? NONE : i - repeats,
        ];
      }),
    );
  }

  /** Index of the mask for a specific character, or for the characters of a tone. */
  #maskIndex({ mark, head, tone, rhyme }: HeadPosition, isEnd: boolean): number {
    const char = mark === undefined ? head : markIn(this.#vocab, mark);
    const placement = rhyme !== undefined ? 'rhyme' : isEnd && tone ? 'end' : 'inner';
    const key = char ?? `${tone ?? 'any'} ${placement}`;
    const known = this.#maskIndices.get(key);
    if (known !== undefined) return known;
    this.#masks.push(char === undefined ? this.#toneMask(tone ?? 'any', placement) : this.#maskOf(char));
    this.#maskIndices.set(key, this.#masks.length - 1);
    return this.#masks.length - 1;
  }

  /** In a vocabulary without a character for the end of a line, any of the tone may stand there. */
  #toneMask(tone: ToneClass, placement: Placement): Uint8Array {
    const mask = this.#readings.mask(tone, placement);
    return mask.includes(1) ? mask : this.#readings.mask(tone, 'inner');
  }

  #maskOf(char: string): Uint8Array {
    const mask = new Uint8Array(this.#vocab.size);
    mask[this.#vocab.encode(char)[0] as number] = 1;
    return mask;
  }

  #marks(): Set<string> {
    return new Set(
      usualPositions(this.#pattern).flatMap(({ mark }) => (mark ? markIn(this.#vocab, mark) : [])),
    );
  }

  /** @throws ERR_TANGSHI_INVALID_ARG if the acrostic has not one character per line. */
  #checkAcrosticLength(): void {
    const { acrostic } = this.#rules;
    const positions = usualPositions(this.#pattern);
    const lines = positions.filter(endsLine).length;
    if (acrostic.length === 0) return;
    if (acrostic.length === lines) {
      const heads = headsAt(acrostic, positions);
      const differs = positions.some(
        ({ repeats }, i) => repeats !== undefined && heads[i] !== heads[i - repeats],
      );
      if (!differs) return;
      throw invalid(
        `${acrostic.join('')} gives different beginnings to lines that the form repeats`,
        'acrostic',
      );
    }
    throw invalid(
      `${acrostic.join('')} has ${acrostic.length} characters, but the form has ${lines} lines`,
      'acrostic',
    );
  }

  /**
   * For each class of tones, the groups with enough characters for the rhymes of the form.
   *
   * @throws ERR_TANGSHI_INVALID_ARG if no group has enough.
   */
  #findUsableGroups(): Map<ToneClass, ReadonlySet<number>> {
    const needed = rhymesNeeded(this.#rules.patterns);
    const usable = new Map<ToneClass, ReadonlySet<number>>();
    for (const [tone, count] of needed.byTone) {
      const sizes = this.#groupSizes(tone);
      const having = (members: number) =>
        [...sizes].filter(([, size]) => size >= members).map(([group]) => group);
      const large = having(count * CHARS_PER_RHYME);
      const groups = large.length > 0 ? large : having(count);
      if (groups.length === 0) throw tooFewRhymes(count, tone, this.#rules);
      usable.set(tone, new Set(groups));
    }
    if (needed.mixed.size > 0) intersect(usable, needed.mixed, this.#rules);
    return usable;
  }

  /** Number of characters of each rhyme group that may be used. */
  #groupSizes(tone: ToneClass): Map<number, number> {
    const { rhymeGroup } = this.#rules;
    const sizes = new Map<number, number>();
    const mask = this.#readings.mask(tone, 'rhyme');
    for (const [id, groups] of this.#readings.groups[tone].entries()) {
      if (mask[id] === 0) continue;
      for (const group of groups)
        if (rhymeGroup === undefined || group === rhymeGroup) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    }
    return sizes;
  }
}

/** A position that may be held by a character of the acrostic. */
type HeadPosition = Position & Readonly<{ head?: string }>;

/** Splits text after each mark that ends a line. */
const AFTER_MARK = /(?<=[，。？！；：])/u;

/** Whether a position is a mark that ends a line: 、 only separates its parts. */
function endsLine(position: Position | undefined): boolean {
  return position?.mark !== undefined && position.mark !== '、';
}

function usualPositions({ rows }: Pattern): Position[] {
  return rows.flatMap(([usual = []]) => [...usual]);
}

/** Characters of each line, without marks. */
function lineLengths(pattern: Pattern): number[] {
  const text = usualPositions(pattern).map(({ mark }) => mark ?? '中');
  return text
    .join('')
    .split(AFTER_MARK)
    .map((line) => line.replaceAll(/[^中]/g, '').length);
}

/** The characters of an acrostic at the first positions of lines. */
function headsAt(heads: readonly string[], positions: readonly Position[]): (string | undefined)[] {
  const left = [...heads];
  return positions.map((_, i) => (i === 0 || endsLine(positions[i - 1]) ? left.shift() : undefined));
}

function withHeadPositions(row: Row, heads: readonly string[]): readonly (readonly HeadPosition[])[] {
  if (heads.length === 0) return row;
  return row.map((positions) => {
    const chars = headsAt(heads, positions);
    return positions.map((position, i) =>
      chars[i] === undefined ? position : { ...position, head: chars[i] },
    );
  });
}

/** The usual alternative in most cases. */
function chooseAlternative(row: Row, rng: Rng): readonly Position[] {
  const [usual = [], ...others] = row;
  if (others.length === 0 || rng.below(100) < USUAL) return usual;
  return others[rng.below(others.length)] as readonly Position[];
}

/** The highest number of rhymes by tone, plus one, and the tones that occur together in a rhyme. */
function rhymesNeeded(patterns: readonly Pattern[]): {
  byTone: Map<ToneClass, number>;
  mixed: Set<ToneClass>;
} {
  const byTone = new Map<ToneClass, number>();
  const mixed = new Set<ToneClass>();
  for (const pattern of patterns) {
    const counts = new Map<string, number>();
    for (const row of pattern.rows)
      for (const [key, count] of mostRhymes(row)) counts.set(key, (counts.get(key) ?? 0) + count);
    const tones = new Map<string, ToneClass[]>();
    for (const [key, count] of counts) {
      const [rhyme, tone] = key.split(' ') as [string, ToneClass];
      byTone.set(tone, Math.max(byTone.get(tone) ?? 0, count + 1));
      tones.set(rhyme, [...(tones.get(rhyme) ?? []), tone]);
    }
    for (const several of tones.values()) if (several.length > 1) for (const tone of several) mixed.add(tone);
  }
  return { byTone, mixed };
}

/** For each rhyme and tone, its highest number in an alternative. */
function mostRhymes(row: Row): Map<string, number> {
  const most = new Map<string, number>();
  for (const positions of row) {
    const keys = positions.flatMap(({ rhyme, tone }) =>
      rhyme === undefined ? [] : [`${rhyme} ${tone ?? 'any'}`],
    );
    for (const key of keys)
      most.set(key, Math.max(most.get(key) ?? 0, keys.filter((other) => other === key).length));
  }
  return most;
}

function tooFewRhymes(count: number, tone: ToneClass, { book, rhymeGroup }: FormRules): TangshiError {
  if (rhymeGroup === undefined)
    return invalid(
      `The model's vocabulary has no rhyme group of ${count} characters: try rhyme false`,
      'rhyme',
    );
  const kind = tone === 'any' ? '' : ` ${toneSign(tone)}`;
  return invalid(
    `The form needs ${count}${kind} characters in ${book?.groups[rhymeGroup]}, more than the model knows: choose another rhymeGroup`,
    'rhymeGroup',
  );
}

/**
 * Leaves in each set what is in all: for rhymes of several tones.
 *
 * @throws ERR_TANGSHI_INVALID_ARG if the groups of the rhyme book have one tone each.
 */
function intersect(
  usable: Map<ToneClass, ReadonlySet<number>>,
  mixed: ReadonlySet<ToneClass>,
  { book }: FormRules,
): void {
  const sets = [...mixed].map((tone) => usable.get(tone) as ReadonlySet<number>);
  const shared = new Set([...(sets[0] ?? [])].filter((group) => sets.every((other) => other.has(group))));
  if (shared.size === 0)
    throw invalid(
      `Level and oblique characters do not rhyme in the ${book?.name}: choose 词林正韵 or 中华通韵`,
      'rhymeBook',
    );
  for (const tone of mixed) usable.set(tone, shared);
}

function setBits(words: Uint32Array, bits: readonly number[]): void {
  for (const bit of bits) words[bit >> 5] = ((words[bit >> 5] ?? 0) | (1 << (bit & 31))) >>> 0;
}

function invalid(message: string, option: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
}

/** A mark, or the one to stand for it if the vocabulary does not have it: poems are written with ， and 。 alone. */
function markIn(vocab: Vocab, mark: string): string {
  if (vocab.has(mark)) return mark;
  return '。！？'.includes(mark) ? '。' : '，';
}

/** @throws ERR_TANGSHI_VOCAB if the model was trained on poems without punctuation. */
function checkMarks(vocab: Vocab, marks: ReadonlySet<string>): void {
  const missing = [...marks].filter((mark) => !vocab.has(mark));
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
