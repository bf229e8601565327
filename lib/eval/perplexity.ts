import { checkOptions } from '../config/schemas';
import { evaluationBatches } from '../data/batcher';
import { type Model, requireModel } from '../model/model';
import type { CallOptions } from '../native/job';
import type { TrainingSession } from '../native/training-session';
import { TangshiError } from '../util/errors';

/** How well a model predicts poems. */
export type Evaluation = Readonly<{
  /** Mean negative log-likelihood in nats per character, including punctuation and the end. */
  nll: number;
  /** e^nll. */
  perplexity: number;
  /** Number of characters, including punctuation and ends. */
  tokens: number;
}>;

/** Poems per native call of a model, which copies their ids. */
const POEMS_PER_CALL = 4096;
/** Poems per batch of a training session: enough to keep the cores busy, few enough to stay in the cache. */
const BATCH = 64;

/**
 * Measures how well a model predicts poems.
 *
 * @param poems Ids with begin and end, each an Int32Array of length >= 2, such as `Dataset.heldOut`.
 * @param options `signal`: abort to stop between two batches.
 * @throws ERR_TANGSHI_INVALID_ARG or ERR_TANGSHI_SHAPE for anything but ids of the model's vocabulary.
 * ERR_TANGSHI_CORPUS if there are no poems. ERR_TANGSHI_DISPOSED, AbortError
 * @example
 * const { heldOut } = await loadDataset({ ...model.config, vocab: model.vocab });
 * const { nll, perplexity } = await evaluate(model, heldOut);
 */
export async function evaluate(
  model: Model,
  poems: readonly Int32Array[],
  options: CallOptions = {},
): Promise<Evaluation> {
  const { session } = requireModel(model);
  checkPoems(poems);
  checkOptions('call', options);
  let [nll, tokens] = [0, 0];
  for (let first = 0; first < poems.length; first += POEMS_PER_CALL) {
    const scores = await session.score(poems.slice(first, first + POEMS_PER_CALL), options);
    for (const logProbs of scores) {
      tokens += logProbs.length;
      for (const logProb of logProbs) nll -= logProb;
    }
  }
  return evaluationOf(nll, tokens);
}

/** The same for the model of a training session. */
export async function evaluateSession(
  session: TrainingSession,
  poems: readonly Int32Array[],
  { signal }: CallOptions = {},
): Promise<Evaluation> {
  checkPoems(poems);
  const { nll, tokens } = await session.evaluate(evaluationBatches(poems, BATCH), { signal });
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
