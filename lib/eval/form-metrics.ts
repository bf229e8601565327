import { checkOptions } from '../config/schemas';
import { versesOf } from '../data/line-filter';
import { type Model, requireModel } from '../model/model';
import type { Poem, PoemOptions } from '../model/poem-options';
import { TangshiError } from '../util/errors';
import { Rng } from '../util/rng';
import { checkPoem } from '../verse/check/check';
import { isRhymeFault } from '../verse/check/findings';
import { CorpusIndex } from './corpus-index';

/** Statistics of poems that are meant to have one form. All but `poems` and `longestCopy` are fractions of 1. */
export type PoemMetrics = Readonly<{
  /** Number of poems. */
  poems: number;
  /** Poems with the right number of lines and characters. */
  form: number;
  /** Poems in the form whose rhymes follow the rules. */
  rhyme: number;
  /** Poems in the form whose tones follow the rules. */
  tone: number;
  /** Distinct characters among all characters. */
  distinct1: number;
  /** Distinct pairs of neighbouring characters among all pairs. */
  distinct2: number;
  /** Characters that occurred earlier in the same poem. */
  repeated: number;
  /** Lines that occur in the corpus. */
  copiedLines: number;
  /** Poems that contain a line twice. */
  repeatedLines: number;
  /** Length in characters of the longest passage that occurs in the corpus, among the first 50 poems. */
  longestCopy: number;
}>;

/** The metrics of a model's poems, of real poems in the form, and of random characters. */
export type FormMetrics = Readonly<{
  form: RegulatedForm;
  model: PoemMetrics;
  real: PoemMetrics;
  random: PoemMetrics;
}>;

/** How to measure a model's poems. */
export type FormMetricsOptions = Readonly<{
  /** Poems to generate in each form. */
  count: number;
  /** Seed of the first poem in each form. */
  seed: number;
  /** Abort to stop. */
  signal?: AbortSignal;
}>;

/** The forms of regulated verse of a fixed length. */
export type RegulatedForm = '五绝' | '七绝' | '五律' | '七律';

/** Lines and characters per line. */
const SIZES: Readonly<Record<RegulatedForm, readonly [lines: number, width: number]>> = {
  五绝: [4, 5],
  七绝: [4, 7],
  五律: [8, 5],
  七律: [8, 7],
};
const FORMS = Object.keys(SIZES) as RegulatedForm[];
/** Searching the whole corpus for copies is slow: this many poems are enough. */
const POEMS_SEARCHED = 50;

/**
 * Generates poems in each fixed form, with all rules on, and measures them. Leaves out forms that the vocabulary of the
 * model does not support.
 *
 * @param corpus The training poems, to find copies.
 * @param options `count`: poems per form. `seed`: seed of the first one. `signal`: abort to stop.
 * @throws ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_DISPOSED, AbortError
 */
export async function measureForms(
  model: Model,
  corpus: readonly string[],
  options: FormMetricsOptions,
): Promise<FormMetrics[]> {
  requireModel(model);
  checkOptions('measureForms', options);
  if (!Array.isArray(corpus) || !corpus.every((poem) => typeof poem === 'string'))
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'Expected an array of strings for the corpus');
  const { count, seed, signal } = options;
  const index = new CorpusIndex(corpus);
  const characters = [...new Set(corpus.join(''))].filter((char) => /\p{Script=Han}/u.test(char));
  const all: FormMetrics[] = [];
  for (const form of FORMS) {
    const generated = await generateIfPossible(model, count, { form, seed, signal });
    if (!generated) continue;
    const texts = generated.map(({ text }) => text);
    const real = corpus.filter((poem) => hasForm(form, poem));
    all.push({
      form,
      model: measure(texts, form, index),
      real: measure(evenly(real, count), form), // all of its lines are in the corpus
      random: measure(randomPoems(form, count, characters), form, index),
    });
  }
  return all;
}

/** @param index To find copies; undefined for real poems. */
function measure(poems: readonly string[], form: RegulatedForm, index?: CorpusIndex): PoemMetrics {
  const verses = poems.map(versesOf);
  const chars = verses.flatMap((lines) => [...lines.join('')]);
  const pairs = verses.flatMap((lines) => lines.flatMap(pairsOf));
  const lines = verses.flat();
  const inForm = poems.map((poem) => checkPoem(poem, { form })).filter(({ ok }) => ok !== undefined);
  return {
    poems: poems.length,
    form: ratio(inForm.length, poems.length),
    rhyme: ratio(inForm.filter(({ faults }) => !faults.some(isRhymeFault)).length, poems.length),
    tone: ratio(inForm.filter(({ faults }) => faults.every(isRhymeFault)).length, poems.length),
    distinct1: ratio(new Set(chars).size, chars.length),
    distinct2: ratio(new Set(pairs).size, pairs.length),
    repeated: ratio(sum(verses.map((lines) => repeatsIn(lines.join('')))), chars.length),
    copiedLines: ratio(lines.filter((line) => index?.hasLine(line)).length, lines.length),
    repeatedLines: ratio(verses.filter((lines) => new Set(lines).size < lines.length).length, verses.length),
    longestCopy: longestCopy(poems, index),
  };
}

function longestCopy(poems: readonly string[], index: CorpusIndex | undefined): number {
  if (!index) return 0;
  return Math.max(0, ...poems.slice(0, POEMS_SEARCHED).map((poem) => index.longestCopy(poem)));
}

/** Undefined if the vocabulary of the model does not support the form. */
async function generateIfPossible(
  model: Model,
  count: number,
  options: PoemOptions,
): Promise<Poem[] | undefined> {
  try {
    return await model.generateMany(count, options);
  } catch (error) {
    if (error instanceof TangshiError && isForLackOfCharacters(error)) return undefined;
    throw error;
  }
}

function isForLackOfCharacters({ code, option }: TangshiError): boolean {
  return code === 'ERR_TANGSHI_VOCAB' || option === 'rhyme';
}

/** `count` evenly spaced items. */
function evenly<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, items.length / count);
  return Array.from({ length: Math.min(count, items.length) }, (_, i) => items[Math.floor(i * step)] as T);
}

/** A baseline for the metrics. */
function randomPoems(form: RegulatedForm, count: number, characters: readonly string[]): string[] {
  const rng = Rng.of(1, 'random poems', form);
  const [lines, width] = SIZES[form];
  const line = () => Array.from({ length: width }, () => characters[rng.below(characters.length)]).join('');
  return Array.from({ length: count }, () =>
    Array.from({ length: lines }, (_, i) => line() + (i % 2 === 0 ? '，' : '。')).join(''),
  );
}

function hasForm(form: RegulatedForm, poem: string): boolean {
  const [lines, width] = SIZES[form];
  const verses = versesOf(poem);
  return verses.length === lines && verses.every((verse) => [...verse].length === width);
}

function pairsOf(verse: string): string[] {
  const chars = [...verse];
  return chars.slice(1).map((char, i) => (chars[i] as string) + char);
}

function repeatsIn(text: string): number {
  const chars = [...text];
  return chars.length - new Set(chars).size;
}

function ratio(count: number, total: number): number {
  return total === 0 ? 0 : count / total;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
