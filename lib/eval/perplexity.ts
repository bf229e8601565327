import { evaluationBatches } from '../data/batcher';
import type { Session } from '../native/session';
import { TangshiError } from '../util/errors';

/** How well poems were predicted. */
export type Evaluation = Readonly<{
  /** Mean NLL of a target in nats: every character, punctuation and the end. */
  nll: number;
  /** e^nll. */
  perplexity: number;
  /** Targets. */
  tokens: number;
}>;

/** Poems of a batch: enough to keep the cores busy, little enough to stay in the cache. */
const BATCH = 64;

/**
 * How well a model predicts poems: its NLL and perplexity.
 *
 * @param session Of the model.
 * @param poems Ids with begin and end, each an Int32Array of two at least; as `Dataset.heldOut` has them.
 * @param signal To stop between two batches.
 * @throws EARG, ESHAPE for poems that are no ids of the model's vocabulary. ECORPUS when there are none. ECANCELED on abort.
 * @example
 * const { nll, perplexity } = await evaluate(model.session, dataset.heldOut);
 */
export async function evaluate(
  session: Session,
  poems: readonly Int32Array[],
  signal?: AbortSignal,
): Promise<Evaluation> {
  if (!Array.isArray(poems) || !poems.every((ids) => ids instanceof Int32Array && ids.length > 1))
    throw new TangshiError('EARG', 'Expected an array of Int32Array, each of two ids at least');
  const { nll, tokens } = await session.evaluate(evaluationBatches(poems, BATCH), signal);
  return { nll: nll / tokens, perplexity: Math.exp(nll / tokens), tokens };
}
