import { evaluationBatches } from '../data/batcher';
import { type Model, requireModel } from '../model/model';
import type { CallOptions, Session } from '../native/session';
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

/** Poems per batch: enough to keep the cores busy, few enough to stay in the cache. */
const BATCH = 64;

/**
 * Measures how well a model predicts poems.
 *
 * @param poems Ids with begin and end, each an Int32Array of length >= 2, such as `Dataset.heldOut`.
 * @param options `signal`: abort to stop between two batches.
 * @throws ERR_TANGSHI_INVALID_ARG or ERR_TANGSHI_SHAPE for anything but ids of the model's vocabulary. ERR_TANGSHI_CORPUS
 * if there are none. ERR_TANGSHI_DISPOSED, AbortError
 * @example
 * const { heldOut } = await loadDataset({ ...model.config, vocab: model.vocab });
 * const { nll, perplexity } = await evaluate(model, heldOut);
 */
export async function evaluate(
  model: Model,
  poems: readonly Int32Array[],
  { signal }: CallOptions = {},
): Promise<Evaluation> {
  return evaluateSession(requireModel(model).session, poems, { signal });
}

/** The same for the network of a session. */
export async function evaluateSession(
  session: Session,
  poems: readonly Int32Array[],
  { signal }: CallOptions = {},
): Promise<Evaluation> {
  if (!Array.isArray(poems) || !poems.every((ids) => ids instanceof Int32Array && ids.length > 1))
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      'Expected an array of Int32Array, each of at least two ids',
    );
  const { nll, tokens } = await session.evaluate(evaluationBatches(poems, BATCH), { signal });
  return { nll: nll / tokens, perplexity: Math.exp(nll / tokens), tokens };
}
