import { checkOptions } from '../config/schemas';
import { evaluationBatches } from '../data/batcher';
import { type Model, requireModel } from '../model/model';
import type { CallOptions } from '../native/job';
import type { TrainingSession } from '../native/training-session';
import { TangshiError } from '../util/errors';
import { wrongArgument } from '../util/guards';

/** How well a model predicts poems. */
export type Evaluation = Readonly<{
  /** Mean negative log-likelihood in nats per character, including punctuation and the end. */
  nll: number;
  /** e^nll. */
  perplexity: number;
  /** Number of characters, including punctuation and ends. */
  tokens: number;
}>;

/** How to evaluate. */
export type EvaluationOptions = CallOptions &
  Readonly<{
    /** Ids that precede each poem, such as `wholePreface` of `Dataset.heldOutPrefaces`. Default: none. */
    prefaces?: readonly Int32Array[] | undefined;
  }>;

/** Poems per native call of a model, which copies their ids. */
const POEMS_PER_CALL = 4096;
/** Poems per batch of a training session: enough to keep the cores busy, few enough to stay in the cache. */
const BATCH = 64;

/**
 * Measures how well a model predicts poems.
 *
 * @param poems Ids with begin and end, each an Int32Array of length >= 2, such as `Dataset.heldOut`.
 * @param options `prefaces`: ids that precede each poem, and are not predicted. `signal`: abort to stop between two
 * batches.
 * @throws ERR_TANGSHI_INVALID_ARG or ERR_TANGSHI_SHAPE for anything but ids of the model's vocabulary.
 * ERR_TANGSHI_CORPUS if there are no poems. ERR_TANGSHI_DISPOSED, AbortError
 * @example
 * const { heldOut } = await loadDataset({ ...model.config, vocab: model.vocab });
 * const { nll, perplexity } = await evaluate(model, heldOut);
 */
export async function evaluate(
  model: Model,
  poems: readonly Int32Array[],
  options: EvaluationOptions = {},
): Promise<Evaluation> {
  const { session } = requireModel(model);
  checkPoems(poems);
  checkOptions('evaluate', options);
  const { signal, prefaces } = options;
  if (prefaces !== undefined && prefaces.length !== poems.length)
    throw wrongArgument('a preface for each poem', 'prefaces', prefaces);
  let [nll, tokens] = [0, 0];
  for (let first = 0; first < poems.length; first += POEMS_PER_CALL) {
    const some = poems.slice(first, first + POEMS_PER_CALL);
    const given = some.map((_, i) => prefaces?.[first + i] ?? new Int32Array());
    const whole = some.map((poem, i) => Int32Array.from([...(given[i] as Int32Array), ...poem]));
    const scores = await session.score(whole, { signal });
    for (const [i, logProbs] of scores.entries()) {
      const own = logProbs.subarray(given[i]?.length);
      tokens += own.length;
      for (const logProb of own) nll -= logProb;
    }
  }
  return evaluationOf(nll, tokens);
}

/** The same for the model of a training session, given what precedes each poem, if anything. */
export async function evaluateSession(
  session: TrainingSession,
  poems: readonly Int32Array[],
  { signal, prefaces }: EvaluationOptions = {},
): Promise<Evaluation> {
  checkPoems(poems);
  const { nll, tokens } = await session.evaluate(evaluationBatches(poems, BATCH, prefaces), { signal });
  return evaluationOf(nll, tokens);
}

function checkPoems(poems: readonly Int32Array[]): void {
  if (!Array.isArray(poems) || !poems.every((ids) => ids instanceof Int32Array && ids.length > 1))
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      'Expected an array of Int32Array, each of at least two ids',
    );
  if (poems.length === 0) throw new TangshiError('ERR_TANGSHI_CORPUS', 'There are no poems to evaluate');
}

function evaluationOf(nll: number, tokens: number): Evaluation {
  return { nll: nll / tokens, perplexity: Math.exp(nll / tokens), tokens };
}
