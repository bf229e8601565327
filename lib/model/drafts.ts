import { type LineFilter, versesOf } from '../data/line-filter';
import type { Sample } from '../native/contract';
import { mapWithoutBlocking } from '../util/event-loop';
import { Rng } from '../util/rng';
import type { Draft } from './draft-queue';
import type { PoemRequest } from './poem-request';

/** Penalty for each repeated character in a draft, in nats per character. */
const REPETITION_COST = 0.2;
/**
 * Penalty for each line of a training poem in a draft, in nats per character: more than the usual difference between
 * drafts.
 */
const COPIED_LINE_COST = 2;

/**
 * The drafts of one poem. Draft i is drawn from stream i of the seed.
 *
 * @throws ERR_TANGSHI_INVALID_ARG if the form does not allow the prompt.
 */
export function planDrafts({ form, prompt, bestOf }: PoemRequest, seed: number): Draft[] {
  const plans = form?.plan(prompt, bestOf, Rng.of(seed, 'patterns'));
  return Array.from({ length: bestOf }, (_, stream) => ({ seed, stream, plan: plans?.[stream] }));
}

/** The draft with the highest log-probability per character, minus the penalties for repetition and copied lines. */
export async function bestDraft(drafts: readonly Sample[], request: PoemRequest): Promise<Sample> {
  const { lineFilter, vocab } = request.model;
  const scored = await mapWithoutBlocking(drafts, (draft) => ({
    draft,
    score: scoreOf(request.prompt + vocab.decode(draft.ids), draft, lineFilter),
  }));
  return scored.reduce((best, other) => (other.score > best.score ? other : best)).draft;
}

function scoreOf(text: string, { logProb, ids }: Sample, lineFilter: LineFilter | undefined): number {
  const lines = versesOf(text);
  const chars = [...lines.join('')];
  const repeated = chars.length - new Set(chars).size;
  const copied = lineFilter ? lines.filter((line) => lineFilter.has(line)).length : 0;
  return logProb / Math.max(1, ids.length) - REPETITION_COST * repeated - COPIED_LINE_COST * copied;
}
