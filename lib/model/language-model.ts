import { checkOptions, type RunConfig } from '../config/schemas';
import type { LineFilter } from '../data/line-filter';
import { titlePreface } from '../data/preface';
import type { Vocab } from '../data/vocab';
import type { InferenceSession } from '../native/inference-session';
import type { CallOptions } from '../native/job';
import { TangshiError } from '../util/errors';
import { requireString } from '../util/guards';
import type { Checkpoint } from './checkpoint-format';
import { DraftQueue } from './draft-queue';
import { generatePoems, streamPoem } from './generate';
import type { Poem, PoemOptions, StreamOptions } from './poem-options';
import { checkTextLength, knownTitle, prepareRequest } from './poem-request';
import { likeliest, type NextCharacter, type Score, toScore } from './score';

/** How to get the most likely next characters. */
export type NextOptions = CallOptions &
  Readonly<{
    /** Number of characters. Default: 10. */
    top?: number;
  }>;

/** How to score a poem. */
export type ScoreOptions = CallOptions &
  Readonly<{
    /** What the poem is about. Needs a model that has learned titles. Default: none. */
    title?: string;
  }>;

/** What a model needs of a session. */
export type Inference = Pick<InferenceSession, 'generate' | 'score' | 'next' | 'dispose'>;

const DEFAULT_TOP = 10;
const MAX_POEMS = 100_000;

/**
 * A trained model, wherever its session computes. Calls may overlap: they are queued, and none blocks the event loop.
 * Every method rejects with ERR_TANGSHI_DISPOSED after `dispose`.
 */
export abstract class LanguageModel<Session extends Inference = Inference> {
  /** The vocabulary: the characters that the model knows. */
  readonly vocab: Vocab;
  /** The configuration that the model was trained with. */
  readonly config: RunConfig;
  /** The lines of the training poems; undefined for checkpoints of older versions. */
  readonly lineFilter: LineFilter | undefined;
  /** @internal */
  readonly session: Session;
  readonly #queue = new DraftQueue((...call) => this.session.generate(...call));
  #disposed = false;

  protected constructor(session: Session, { vocab, config, lineFilter }: Checkpoint) {
    this.session = session;
    this.vocab = vocab;
    this.config = config;
    this.lineFilter = lineFilter;
  }

  /**
   * Generates a poem. In a form (`form` or `acrostic`) it has exactly that shape, and follows its rules.
   *
   * @throws ERR_TANGSHI_VOCAB if the model does not know a character of the prompt. ERR_TANGSHI_INVALID_ARG for invalid
   * options, or a prompt that the rules of the form do not allow. ERR_TANGSHI_DISPOSED, AbortError
   * @example
   * const { lines, seed } = await model.generate({ prompt: '湖', form: '七绝' });
   */
  async generate(options: PoemOptions = {}): Promise<Poem> {
    const [poem] = await this.generateMany(1, options);
    return poem as Poem;
  }

  /**
   * Generates several poems. Poem i has the seed `seed + i`, and is the one that `generate` returns for that seed.
   *
   * @param count Number of poems, 1 to 100,000.
   * @throws Like `generate`.
   * @example
   * const poems = await model.generateMany(20, { form: '五绝', seed: 1 });
   */
  async generateMany(count: number, options: PoemOptions = {}): Promise<Poem[]> {
    this.#requireOpen();
    checkRange('count', count, 1, MAX_POEMS);
    const request = prepareRequest(this, options);
    if (count > 1 && options.beam !== undefined)
      throw invalid('A beam search finds the same poem each time: use generate', 'beam');
    checkRange('seed', request.seed, 0, Number.MAX_SAFE_INTEGER - (count - 1));
    return generatePoems(this.#queue, request, count, options);
  }

  /**
   * Generates a poem from a single draft, and yields its characters as they are drawn, starting with those of the
   * prompt. Breaking out of the loop cancels generation.
   *
   * @returns The characters. The generator's return value is the poem, which may lack an unfinished sentence at the
   * end.
   * @throws Like `generate`.
   * @example
   * for await (const char of model.stream({ prompt: '湖' })) process.stdout.write(char);
   */
  async *stream(options: StreamOptions = {}): AsyncGenerator<string, Poem, void> {
    this.#requireOpen();
    checkOptions('stream', options);
    const single = options.beam === undefined ? { ...options, bestOf: 1 } : options;
    const request = prepareRequest(this, single);
    return yield* streamPoem(this.#queue, request, options);
  }

  /**
   * Scores a poem: how well the model predicts each of its characters. A character outside the vocabulary is scored as
   * the unknown character.
   *
   * @param text At most 1,000 UTF-16 units. White space is ignored, unless the model was trained on plain text.
   * @param options `title`: score the poem given a title. `signal`: abort to stop.
   * @throws ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_DISPOSED, AbortError; ERR_TANGSHI_VOCAB for an unknown character if the
   * vocabulary is a classic one, or in the title.
   * @example
   * const { nll } = await model.score('床前明月光，疑是地上霜。'); // nats per character; lower is better
   */
  async score(text: string, options: ScoreOptions = {}): Promise<Score> {
    this.#requireOpen();
    checkOptions('score', options);
    const { title, signal } = options;
    const poem = this.#clean(text);
    checkTextLength('title', title);
    const preface = titlePreface(this.vocab, title === undefined ? '' : knownTitle(this.vocab, title));
    const ids = Int32Array.from([...preface, ...this.vocab.encodePoem(poem)]);
    const [logProbs] = await this.session.score([ids], { signal });
    return toScore(poem, (logProbs as Float32Array).subarray(preface.length));
  }

  /**
   * The most likely next characters after a text, by the model's own probabilities.
   *
   * @param text Beginning of a poem; may be empty. At most 1,000 UTF-16 units.
   * @param options `top`: number of characters, default 10. `signal`: abort to stop.
   * @returns Most likely first. The end of the poem is an empty `char`.
   * @throws ERR_TANGSHI_VOCAB, ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_DISPOSED, AbortError
   * @example
   * const [{ char, probability }] = await model.next('床前');
   */
  async next(text: string, options: NextOptions = {}): Promise<NextCharacter[]> {
    this.#requireOpen();
    checkOptions('next', options);
    checkText(text);
    const { top = DEFAULT_TOP, signal } = options;
    const ids = Int32Array.from([this.vocab.bos, ...this.vocab.encode(text)]);
    return likeliest(await this.session.next(ids, { signal }), this.vocab, top);
  }

  /** Cancels calls in progress, which reject with ERR_TANGSHI_DISPOSED, and frees the model. Safe to call again. */
  dispose(): Promise<void> {
    this.#disposed = true;
    return this.session.dispose();
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Cleans a text like those of the corpus. */
  #clean(text: string): string {
    checkText(text);
    return this.vocab.normalize(this.config.cleaning === 'plain' ? text.trim() : text);
  }

  #requireOpen(): void {
    if (this.#disposed) throw new TangshiError('ERR_TANGSHI_DISPOSED', 'The model was disposed');
  }
}

function checkText(text: unknown): asserts text is string {
  requireString(text, 'text');
  checkTextLength('text', text);
}

function checkRange(option: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  const shown = typeof value === 'number' ? value : typeof value;
  throw invalid(`Expected an integer from ${min} to ${max} for ${option} but received ${shown}`, option);
}

function invalid(message: string, option?: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
}
