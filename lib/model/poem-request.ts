import { checkOptions } from '../config/schemas';
import { MAX_LENGTH } from '../data/clean';
import { builtinMaxLength, isBuiltinCorpus } from '../data/corpus-recipes';
import type { LineFilter } from '../data/line-filter';
import { genrePreface, titlePreface } from '../data/preface';
import { titleForTheme } from '../data/theme';
import { cleanTitle } from '../data/title';
import type { Vocab } from '../data/vocab';
import { TangshiError } from '../util/errors';
import { omitUndefined } from '../util/omit-undefined';
import { scriptConverter } from '../util/script-conversion';
import { Form } from '../verse/forms';
import { MARKS } from '../verse/pattern';
import type { Sampling } from './draft-queue';
import type { PoemOptions } from './poem-options';

/** The model data needed for generation. */
export type PoemModel = Readonly<{
  vocab: Vocab;
  /** Lines of the training poems, to avoid. */
  lineFilter?: LineFilter;
  /** The corpora that it was trained on. */
  config?: Readonly<{ data: string; extra?: readonly string[] }>;
}>;

/** A validated request: everything that does not depend on the seed of a single poem. */
export type PoemRequest = Readonly<{
  model: PoemModel;
  form: Form | undefined;
  /** What the poems are about. */
  title: string | undefined;
  /** Beginning of the poem, with the punctuation of the form. */
  prompt: string;
  /** Ids that every draft starts with: title and genre, begin, context, prompt. */
  promptIds: Int32Array;
  sampling: Sampling;
  /** Drafts per poem. */
  bestOf: number;
  /** Converts a finished poem into the script of the request. */
  toScript: (text: string) => string;
  /** Seed of the first poem. */
  seed: number;
}>;

const DEFAULTS = { prompt: '', context: '', temperature: 0.8, topK: 0, topP: 0.95 };
const FREE_DEFAULTS = { repetitionPenalty: 0, bestOf: 1 };
/** A form restricts the choice of characters, so that drafts differ more in quality. */
const FORM_DEFAULTS = { repetitionPenalty: 2, bestOf: 32 };
/** UTF-16 units, so that one request cannot keep others waiting. */
const MAX_TEXT = 1000;
/**
 * Minimum number of characters after a prompt of complete sentences, where the end of the poem is likely and would add
 * nothing.
 */
const MIN_LINE = 5;

/**
 * Validates options and fills in the defaults.
 *
 * @throws ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_VOCAB
 */
export function prepareRequest(model: PoemModel, options: PoemOptions): PoemRequest {
  checkOptions('generate', options);
  checkTextLength('prompt', options.prompt);
  checkTextLength('context', options.context);
  checkTextLength('title', options.title);
  checkTextLength('theme', options.theme);
  checkBeam(options);
  const { vocab } = model;
  const start = vocab.normalize(onOneLine(options.prompt ?? DEFAULTS.prompt, vocab));
  const form = formOf(vocab, { ...options, acrostic: acrosticOf(vocab, options.acrostic) }, start);
  const formDefaults = form ? FORM_DEFAULTS : FREE_DEFAULTS;
  const given = { ...DEFAULTS, ...formDefaults, ...omitUndefined(options) };
  const prompt = form ? form.punctuate(start) : start;
  const maxNewTokens = newTokens(prompt, form?.length ?? given.maxLength, longestPoem(model));
  const context = encode(vocab, asLines(vocab.normalize(given.context)), 'context');
  const title = titleFor(vocab, options);
  const preface = [...titleIds(vocab, title, form), ...genreIds(vocab, form), vocab.bos, ...context];
  return {
    model,
    form,
    title,
    prompt,
    promptIds: Int32Array.from([...preface, ...encode(vocab, prompt, 'prompt')]),
    sampling: {
      maxNewTokens,
      minNewTokens: form || !/(^|[。！？])$/u.test(prompt) ? 0 : Math.min(MIN_LINE, maxNewTokens),
      endId: vocab.eos,
      banned: Int32Array.from([vocab.bos, ...vocab.banned]),
      preface: preface.length,
      repetitionPenalty: given.repetitionPenalty,
      repeatable: Int32Array.from([vocab.eos, ...marksOf(vocab)]),
      temperature: given.temperature,
      topK: given.topK,
      topP: given.topP,
      beam: given.beam,
    },
    // A beam search finds the same poem in every draft.
    bestOf: options.bestOf ?? (options.beam === undefined ? given.bestOf : 1),
    toScript: options.script === undefined ? (text) => text : scriptConverter(`to-${options.script}`),
    seed: options.seed ?? (options.beam === undefined ? randomSeed() : 0),
  };
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

/** @throws ERR_TANGSHI_INVALID_ARG for options that have no effect in a beam search. */
function checkBeam(options: PoemOptions): void {
  if (options.beam === undefined) return;
  const option = (['temperature', 'topK', 'topP', 'bestOf'] as const).find(
    (name) => options[name] !== undefined,
  );
  if (option === undefined) return;
  throw new TangshiError('ERR_TANGSHI_INVALID_ARG', `${option} has no effect with beam`, { option });
}

/** @throws ERR_TANGSHI_INVALID_ARG for options that would have no effect. */
function formOf(vocab: Vocab, options: PoemOptions, prompt: string): Form | undefined {
  const inForm =
    options.form !== undefined || options.pattern !== undefined || options.acrostic !== undefined;
  const useless = inForm
    ? (['maxLength'] as const)
    : (['rhyme', 'tone', 'rhymeGroup', 'rhymeBook', 'lines'] as const);
  const option = useless.find((name) => options[name] !== undefined);
  if (option !== undefined) {
    const message = inForm ? 'A form determines the length: omit maxLength' : `${option} needs a form`;
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
  }
  return inForm ? Form.of(options, vocab, prompt) : undefined;
}

/** Highest number of characters after the prompt. */
function newTokens(prompt: string, maxLength: number | undefined, longest: number): number {
  const length = [...prompt].length;
  // A long prompt may be continued by half of the longest poem.
  const limit = maxLength ?? Math.max(longest, length + longest / 2);
  if (limit > length) return limit - length;
  throw new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    `A prompt of ${length} characters leaves nothing to write within a maxLength of ${limit}`,
    { option: 'maxLength' },
  );
}

/** Length of the longest poem that the model may have been trained on: more for ci than for poems. */
function longestPoem({ config }: PoemModel): number {
  const corpora = [config?.data, ...(config?.extra ?? [])].filter(isBuiltinCorpus);
  return Math.max(MAX_LENGTH, ...corpora.map((name) => builtinMaxLength(name) ?? MAX_LENGTH));
}

/** @throws ERR_TANGSHI_INVALID_ARG */
export function checkTextLength(option: string, text: string | undefined): void {
  if (text === undefined || text.length <= MAX_TEXT) return;
  throw new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    `Expected at most ${MAX_TEXT} characters for ${option} but received ${text.length}`,
    { option },
  );
}

/** @throws ERR_TANGSHI_VOCAB that names the option. */
function encode(vocab: Vocab, text: string, option: string): Int32Array {
  try {
    return vocab.encode(text);
  } catch (error) {
    if (!(error instanceof TangshiError)) throw error;
    throw new TangshiError(error.code, error.message, { option, cause: error.cause });
  }
}

/**
 * The title of a poem as the model learns it.
 *
 * @throws ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_VOCAB
 */
function titleFor(vocab: Vocab, { title, theme }: PoemOptions): string | undefined {
  if (theme === undefined) return title === undefined ? undefined : knownTitle(vocab, title);
  if (title !== undefined) throw invalid('theme has no effect with title: omit one of them', 'theme');
  requireTitles(vocab, 'theme');
  const found = cleanTitle(titleForTheme(scriptConverter('to-simplified')(theme)));
  if (found === '')
    throw invalid(`No poet wrote about ${JSON.stringify(theme)}: choose other words`, 'theme');
  encode(vocab, found, 'theme');
  return found;
}

/**
 * Checks and cleans a title.
 *
 * @throws ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_VOCAB
 */
export function knownTitle(vocab: Vocab, title: string): string {
  requireTitles(vocab, 'title');
  const cleaned = cleanTitle(vocab.normalize(title));
  if (cleaned === '')
    throw invalid(
      `${JSON.stringify(title)} does not say what the poem is about: choose another title`,
      'title',
    );
  encode(vocab, cleaned, 'title');
  return cleaned;
}

function requireTitles(vocab: Vocab, option: 'title' | 'theme'): void {
  if (vocab.control('title') === undefined)
    throw invalid(
      `This model was trained without titles: omit ${option}, or use one trained with titles`,
      option,
    );
}

/** Of a ci, its tune is the title unless there is another. */
function titleIds(vocab: Vocab, title: string | undefined, form: Form | undefined): Int32Array {
  const knowsTunes = vocab.control('词') !== undefined;
  return titlePreface(vocab, title ?? (knowsTunes ? (form?.tune ?? '') : ''));
}

function genreIds(vocab: Vocab, form: Form | undefined): Int32Array {
  return form?.genre === undefined ? new Int32Array() : genrePreface(vocab, form.genre);
}

function invalid(message: string, option: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
}

/** The characters of an acrostic, without separators. */
function acrosticOf(vocab: Vocab, acrostic: string | undefined): string | undefined {
  return acrostic === undefined ? undefined : vocab.normalize(acrostic).replace(/[\s，。？！；：、]/gu, '');
}

/** The lines of a prompt as the model knows them: the end of a line is a comma, unless there is a mark. */
function onOneLine(prompt: string, vocab: Vocab): string {
  if (vocab.has('\n') || !vocab.has('，')) return prompt;
  return prompt.replace(/([，。？！；：、])?[^\S\n]*\n\s*(?=\S)/gu, (_, mark = '，') => mark);
}

/** Complete sentences, as in a poem before a new line. */
function asLines(context: string): string {
  const text = context.replace(/\s+/gu, '');
  return text === '' || /[。！？]$/u.test(text) ? text : `${text.replace(/[，；：、]$/u, '')}。`;
}

/** Ids of the punctuation marks, which may be repeated without penalty. */
function marksOf(vocab: Vocab): Int32Array {
  return vocab.encode([...MARKS].filter((mark) => vocab.has(mark)).join(''));
}
