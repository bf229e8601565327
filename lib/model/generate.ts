import { randomInt } from 'node:crypto';
import { checkOptions } from '../config/schemas';
import { type LineSet, versesOf } from '../data/line-filter';
import type { Sample, SampleOptions } from '../native/contract';
import { TangshiError } from '../util/errors';
import { defined } from '../util/omit-undefined';
import { Rng } from '../util/rng';
import { Form, type FormOptions } from '../verse/forms';
import type { Model } from './model';

/** What it takes to write: a `Model`, or a session in training with its vocabulary. */
export type Writer = Pick<Model, 'session' | 'vocab' | 'lines'>;

/**
 * How to write. With a form or an acrostic `maxLength` is refused, for a form has its own length; without one `rhyme`,
 * `tone` and `rhymeGroup` are.
 */
export type PoemOptions = FormOptions &
  Readonly<{
    /** The poem begins with this text; may be empty. */
    prompt?: string;
    /** Lines that come before the poem and are not part of it: it goes on in their mood. */
    mood?: string;
    /** How many poems, drawn together. Default: 1; count x bestOf is 10,000 at most. */
    count?: number;
    /** Characters of a poem at most, the prompt and punctuation counted; default 80, more for a long prompt. */
    maxLength?: number;
    /** Below 1 likelier characters, above 1 bolder ones; 0 always the likeliest. Default: 0.8. */
    temperature?: number;
    /** Draw among the k likeliest characters only; 0, the default, for all. */
    topK?: number;
    /** Draw among the likeliest characters that together reach this probability. Default: 0.95. */
    topP?: number;
    /**
     * Taken from the logit of a character, in nats, for each time that it stands in the poem already. Default: 2 in a
     * form, else 0.
     */
    repetitionPenalty?: number;
    /** Search among so many continuations for the likeliest poem, instead of drawing one: it is always the same. */
    beam?: number;
    /**
     * So many drafts of each poem, of which the likeliest that repeats least, and copies no line, is given. Default: 32 in
     * a form, fewer where more than 312 poems are asked for; else 1.
     */
    bestOf?: number;
    /** Same model, options and seed: same poems. Default: another one each time. */
    seed?: number;
    /** To stop between two characters. */
    signal?: AbortSignal;
  }>;

/** A poem that was written. */
export type Poem = Readonly<{
  /** All of it, the beginning that was asked for included, without line ends. */
  text: string;
  /** A sentence a line; in a form, its lines. */
  lines: readonly string[];
  /** The model ended the poem by itself; otherwise it was cut after its last whole sentence. */
  ended: boolean;
  /** Seed of the draw. Several poems of one call share it. */
  seed: number;
}>;

const DEFAULTS = { prompt: '', mood: '', count: 1, temperature: 0.8, topK: 0, topP: 0.95 };
/** Where nothing else is said: a form leaves little choice, and its drafts cost little. */
const FREE = { repetitionPenalty: 0, bestOf: 1 };
const IN_FORM = { repetitionPenalty: 2, bestOf: 32 };
/** The longest poem of the corpus; a long beginning gets half as much again. */
const USUAL_LENGTH = 80;
/** Drafts drawn together, each with its logits. */
const MAX_COUNT = 10_000;
/** UTF-16 units: nothing for which a queue of poems should have to wait. */
const MAX_PROMPT = 1000;
const MAX_SEED = 2 ** 32;
const MARKS = '，。？！；：、';
/** What a repeated character takes from a draft, in nats a character of the whole poem. */
const REPEATED = 0.2;
/** And what a line of the corpus takes: more than drafts differ by otherwise. */
const COPIED = 2;

/**
 * Writes poems. In a form (`form`, `acrostic`) each has exactly its shape, and keeps the rules that are asked for.
 *
 * @throws EVOCAB when the prompt has a character that the model does not know: names it. EARG for options that
 * cannot be used, or a beginning that the form's rules do not allow. ECANCELED on abort.
 * @example
 * const [poem] = await generatePoems(model, { prompt: '湖', form: '七绝', seed: 1 });
 * console.log(poem.lines.join('\n'));
 */
export async function generatePoems(model: Writer, options: PoemOptions = {}): Promise<Poem[]> {
  const task = prepare(model, options);
  const samples = await model.session.sample(task.prompts, task.sampling, options.signal);
  const drafts = samples.map((sample) => {
    const poem = task.poemOf(sample);
    return { poem, merit: merit(poem.text, sample, model.lines) };
  });
  const { count, bestOf } = task;
  return Array.from({ length: count }, (_, i) => {
    const own = drafts.slice(i * bestOf, (i + 1) * bestOf);
    return own.reduce((best, draft) => (draft.merit > best.merit ? draft : best)).poem;
  });
}

/**
 * Writes one poem, a single draft, and gives its characters as they are drawn, first those of the beginning; at last the poem, which may be
 * without an unfinished sentence at the end that was given. Whoever leaves early ends the work.
 *
 * @returns The characters, one at a time; the generator's return value is the poem.
 * @throws As `generatePoems`.
 * @example
 * for await (const char of streamPoem(model, { prompt: '湖' })) process.stdout.write(char);
 */
export async function* streamPoem(
  model: Writer,
  options: Omit<PoemOptions, 'count' | 'bestOf'> = {},
): AsyncGenerator<string, Poem, void> {
  checkOptions('poem', options);
  const task = prepare(model, { ...options, count: 1, bestOf: 1 });
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, ...(options.signal ? [options.signal] : [])]);
  const drawn: number[] = [];
  let wake: () => void = () => undefined;
  let settled = false;
  const samples = model.session.sample(task.prompts, task.sampling, signal, (_, id) => {
    drawn.push(id);
    wake();
  });
  const settle = () => {
    settled = true;
    wake();
  };
  samples.then(settle, settle);
  try {
    yield* task.prompt;
    let given = 0;
    while (!settled) {
      const news = new Promise<void>((resolve) => {
        wake = resolve;
      });
      while (given < drawn.length) yield model.vocab.decode([drawn[given++] as number]);
      if (!settled) await news;
    }
    // What was drawn is known by now, also what was not told yet.
    const [sample] = (await samples) as [Sample];
    for (const id of sample.ids.subarray(given)) yield model.vocab.decode([id]);
    return task.poemOf(sample);
  } finally {
    left.abort();
  }
}

/** What a call to a session takes, and how its answers become poems. */
type Task = Readonly<{
  prompts: readonly Int32Array[];
  sampling: SampleOptions;
  count: number;
  bestOf: number;
  /** The beginning, with the marks that a form has in it. */
  prompt: string;
  poemOf(sample: Sample): Poem;
}>;

function prepare(model: Writer, options: PoemOptions): Task {
  if (!model?.vocab || !model.session)
    throw new TangshiError('EARG', 'Expected a model: is an await missing before loadModel()?');
  const { vocab } = model;
  checkOptions('poem', options);
  for (const text of [options.prompt, options.mood]) {
    if ((text?.length ?? 0) > MAX_PROMPT)
      throw new TangshiError('EARG', `A beginning or mood has at most ${MAX_PROMPT} characters`);
  }
  const inForm = options.form !== undefined || options.acrostic !== undefined;
  refuseUnheeded(options, inForm);
  const form = inForm ? new Form(options, vocab) : undefined;
  const usual = form ? IN_FORM : FREE;
  const given = { ...DEFAULTS, ...usual, ...draftsFor(options, usual.bestOf), ...defined(options) };
  const { count, bestOf, temperature, topK, topP, repetitionPenalty } = given;
  const seed = options.seed ?? (options.beam === undefined ? randomInt(MAX_SEED) : 0);
  checkCounts({ count, bestOf });
  const prompt = form ? form.begin(given.prompt) : given.prompt;
  const length = [...prompt].length;
  const maxLength = form?.length ?? given.maxLength ?? Math.max(USUAL_LENGTH, length + USUAL_LENGTH / 2);
  if (maxLength <= length) {
    throw new TangshiError(
      'EARG',
      `A beginning of ${length} characters leaves no room within a maximum length of ${maxLength}`,
    );
  }
  const preface = [vocab.bos, ...vocab.encode(asLines(given.mood))];
  const ids = Int32Array.from([...preface, ...vocab.encode(prompt)]);
  const marks = [...MARKS].filter((mark) => vocab.has(mark)).join('');
  const sampling = {
    maxNewTokens: maxLength - length,
    endId: vocab.eos,
    banned: Int32Array.from([vocab.bos, ...vocab.banned]),
    ...{ temperature, topK, topP, seed: BigInt(seed) },
    preface: preface.length,
    repetitionPenalty,
    repeatable: Int32Array.from([vocab.eos, ...vocab.encode(marks)]),
    score: bestOf > 1,
    ...(options.beam !== undefined && { beam: options.beam }),
    ...(form && { guide: form.guide(prompt, count * bestOf, Rng.of(seed, 'patterns')) }),
  };
  const poemOf = (sample: Sample): Poem => {
    const text = prompt + finish(vocab.decode(sample.ids), sample);
    return { text, lines: form?.linesOf(text) ?? sentences(text), ended: sample.ended, seed };
  };
  return { prompts: Array<Int32Array>(count * bestOf).fill(ids), sampling, count, bestOf, prompt, poemOf };
}

/** A search finds the same in each draft; many poems are not refused for drafts that nobody asked for. */
function draftsFor({ beam, count = 1 }: PoemOptions, usual: number): Pick<PoemOptions, 'bestOf'> {
  if (beam !== undefined) return { bestOf: 1 };
  return { bestOf: Math.max(1, Math.min(usual, Math.floor(MAX_COUNT / count))) };
}

/** As a poem has it before a new line begins. */
function asLines(mood: string): string {
  const text = mood.replace(/\s+/gu, '');
  return text === '' || /[。！？]$/u.test(text) ? text : `${text.replace(/[，；：、]$/u, '')}。`;
}

/** @throws EARG for what would be passed over in silence. */
function refuseUnheeded(options: PoemOptions, inForm: boolean): void {
  const names = inForm ? (['maxLength'] as const) : (['rhyme', 'tone', 'rhymeGroup'] as const);
  const name = names.find((key) => options[key] !== undefined);
  if (name === undefined) return;
  throw new TangshiError(
    'EARG',
    inForm ? 'A form has its own length: leave maxLength away' : `${name} needs a form`,
  );
}

/** @throws EARG */
function checkCounts({ count, bestOf }: Readonly<Record<'count' | 'bestOf', number>>): void {
  for (const [name, value] of Object.entries({ count, bestOf, 'count x bestOf': count * bestOf })) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= MAX_COUNT) continue;
    throw new TangshiError(
      'EARG',
      `Expected an integer from 1 to ${MAX_COUNT} for ${name} but received ${value}`,
    );
  }
}

/** Of a draft: how likely its characters are, how few of them stand twice, and how few of its lines are known. */
function merit(text: string, { logProb, ids }: Sample, known: LineSet | undefined): number {
  const lines = versesOf(text);
  const chars = [...lines.join('')];
  const repeated = chars.length - new Set(chars).size;
  const copied = known ? lines.filter((line) => known.has(line)).length : 0;
  return logProb / Math.max(1, ids.length) - REPEATED * repeated - COPIED * copied;
}

/** Without the unfinished sentence that the limit left, unless that is all there is. */
function finish(text: string, { ended }: Sample): string {
  if (ended) return text;
  const end = Math.max(...['。', '！', '？'].map((mark) => text.lastIndexOf(mark)));
  return end < 0 ? text : text.slice(0, end + 1);
}

function sentences(text: string): string[] {
  return text.split(/(?<=[。！？；])/u);
}

/** The original stops when the poem is longer than this. */
const CLASSIC_LENGTH = 30;
/** The original prints only pieces longer than this. */
const CLASSIC_PIECE = 10;

/**
 * What the original program prints for a beginning: greedy, without the begin character in front, and of the result
 * only the pieces between `。` that are longer than 10 characters; often nothing at all.
 *
 * @param begin One character or more.
 * @returns The printed lines.
 * @throws EVOCAB when the model does not know a character. EARG for an empty beginning. ECANCELED on abort.
 * @example
 * const model = await loadModel('runs/classic');
 * console.log((await classicPoem(model, '湖')).join('\n'));
 */
export async function classicPoem(model: Writer, begin: string, signal?: AbortSignal): Promise<string[]> {
  const { session, vocab } = model;
  const prompt = vocab.encode(begin);
  if (prompt.length === 0)
    throw new TangshiError('EARG', 'The original program needs a character to begin with');
  const [sample] = (await session.sample(
    [prompt],
    {
      // It looks at the length only after a character was added.
      maxNewTokens: Math.max(1, CLASSIC_LENGTH + 1 - prompt.length),
      endId: vocab.eos,
      banned: vocab.banned,
      temperature: 0,
      topK: 0,
      topP: 1,
      seed: 0n,
    },
    signal,
  )) as [Sample];
  // The end character is part of its poem.
  const poem = begin + vocab.decode(sample.ended ? [...sample.ids, vocab.eos] : sample.ids);
  return poem
    .split('。')
    .filter((piece) => [...piece].length > CLASSIC_PIECE)
    .map((piece) => `${piece}。`);
}
