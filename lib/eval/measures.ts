import { versesOf } from '../data/line-filter';
import { generatePoems, type Poem, type PoemOptions, type Writer } from '../model/generate';
import { TangshiError } from '../util/errors';
import { Rng } from '../util/rng';
import { judge } from '../verse/check';
import { Prosody } from '../verse/readings';

/**
 * What can be counted of many poems that are meant to be in one form; all are shares of 1, but for `poems` and
 * `longestCopy`.
 */
export type Measures = Readonly<{
  /** How many were measured. */
  poems: number;
  /** Poems of exactly the form's lines and characters. */
  form: number;
  /** Of all poems, those that keep the rules of rhyme. */
  rhyme: number;
  /** Likewise of tone. */
  tone: number;
  /** Different characters among all of them. */
  distinct1: number;
  /** Different pairs of neighbours among all pairs. */
  distinct2: number;
  /** Characters that stood in the same poem before. */
  repeated: number;
  /** Lines that stand in the corpus. */
  copiedLines: number;
  /** Poems in which a line stands twice. */
  repeatedLines: number;
  /** Characters of the longest piece that stands in the corpus, in the first 50 poems. */
  longestCopy: number;
}>;

/** Lines and characters of each. */
const SIZES = { 五绝: [4, 5], 七绝: [4, 7], 五律: [8, 5], 七律: [8, 7] } as const;
/** The forms that are judged. */
export type MeasuredForm = keyof typeof SIZES;
const FORMS = Object.keys(SIZES) as MeasuredForm[];

/** The same measures of a model's poems, of real ones in the form, and of characters drawn at random. */
export type FormMeasures = Readonly<{
  form: MeasuredForm;
  model: Measures;
  real: Measures;
  random: Measures;
}>;

/** Pieces of the corpus by which copies are found. */
class Originals {
  readonly #lines = new Set<string>();
  readonly #text: string;

  constructor(poems: readonly string[]) {
    for (const poem of poems) for (const line of versesOf(poem)) this.#lines.add(line);
    this.#text = poems.map((poem) => versesOf(poem).join('\n')).join('\n\n');
  }

  has(line: string): boolean {
    return this.#lines.has(line);
  }

  /** Of the longest piece of the poem, across its lines, that stands in the corpus so. */
  longestCopy(poem: string): number {
    const text = versesOf(poem).join('\n');
    let longest = 0;
    for (let begin = 0; begin + longest < text.length; begin++) {
      while (begin + longest < text.length && this.#text.includes(text.slice(begin, begin + longest + 1)))
        longest++;
    }
    return longest;
  }
}

/**
 * @param originals Of the corpus; for the corpus's own poems none, since they would all be copies.
 */
function measure(
  poems: readonly string[],
  form: MeasuredForm,
  prosody: Prosody,
  originals?: Originals,
): Measures {
  const all = poems.map((poem) => ({ poem, verdict: judge(poem, prosody), verses: versesOf(poem) }));
  const share = (count: number, of = poems.length) => (of === 0 ? 0 : count / of);
  const number = (test: (item: (typeof all)[number]) => boolean) => all.filter(test).length;
  const chars = all.flatMap(({ verses }) => [...verses.join('')]);
  const pairs = all.flatMap(({ verses }) => verses.flatMap(pairsOf));
  const lines = all.flatMap(({ verses }) => verses);
  // The search through the whole corpus takes its time: of some, as many as tell.
  const searched = originals ? all.slice(0, 50) : [];
  return {
    poems: poems.length,
    form: share(number(({ verdict }) => verdict.form === form)),
    rhyme: share(number(({ verdict }) => verdict.form === form && verdict.rhyme?.keeps === true)),
    tone: share(number(({ verdict }) => verdict.form === form && verdict.tone?.keeps === true)),
    distinct1: share(new Set(chars).size, chars.length),
    distinct2: share(new Set(pairs).size, pairs.length),
    repeated: share(
      all.reduce((sum, { verses }) => sum + repeatsIn(verses.join('')), 0),
      chars.length,
    ),
    copiedLines: originals ? share(lines.filter((line) => originals.has(line)).length, lines.length) : 0,
    repeatedLines: share(number(({ verses }) => new Set(verses).size < verses.length)),
    longestCopy: Math.max(0, ...searched.map(({ poem }) => originals?.longestCopy(poem) ?? 0)),
  };
}

/**
 * Generates `count` poems in each fixed form, with all rules on, and measures them. A form is left out if the model lacks
 * the characters for it.
 *
 * @param corpus Poems that the model learned from, for its copies to be found.
 * @param options `count`: poems of each form. `seed`: of what is drawn. `signal`: to stop.
 * @throws ECANCELED on abort.
 */
export async function measureForms(
  model: Writer,
  corpus: readonly string[],
  { count, seed, signal }: Readonly<{ count: number; seed: number; signal?: AbortSignal }>,
): Promise<FormMeasures[]> {
  const prosody = Prosody.load();
  const originals = new Originals(corpus);
  const characters = [...new Set(corpus.join(''))].filter((char) => /\p{Script=Han}/u.test(char));
  const all: FormMeasures[] = [];
  for (const form of FORMS) {
    const written = await write(model, { form, count, seed, signal });
    if (!written) continue;
    const texts = written.map(({ text }) => text);
    const real = corpus.filter((poem) => isIn(form, poem));
    all.push({
      form,
      model: measure(texts, form, prosody, originals),
      real: measure(spread(real, count), form, prosody),
      random: measure(randomPoems(form, count, characters), form, prosody, originals),
    });
  }
  return all;
}

/** Undefined where the model has not the characters for the form. */
async function write(model: Writer, options: PoemOptions): Promise<Poem[] | undefined> {
  try {
    return await generatePoems(model, options);
  } catch (error) {
    if (error instanceof TangshiError && error.code === 'EARG') return undefined;
    throw error;
  }
}

/** So many of them, from all over. */
function spread<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, items.length / count);
  return Array.from({ length: Math.min(count, items.length) }, (_, i) => items[Math.floor(i * step)] as T);
}

/** What the measures say of nothing. */
function randomPoems(form: MeasuredForm, count: number, characters: readonly string[]): string[] {
  const rng = Rng.of(1, 'random poems', form);
  const [lines, width] = SIZES[form];
  const verse = () => Array.from({ length: width }, () => characters[rng.below(characters.length)]).join('');
  return Array.from({ length: count }, () =>
    Array.from({ length: lines }, (_, i) => verse() + (i % 2 === 0 ? '，' : '。')).join(''),
  );
}

function isIn(form: MeasuredForm, poem: string): boolean {
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
