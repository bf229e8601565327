import { type LineFilter, versesOf } from '../data/line-filter';
import type { Sample } from '../native/contract';
import type { CallOptions, GenerateCallOptions } from '../native/job';
import type { TrainingSession } from '../native/training-session';
import { mapWithoutBlocking } from '../util/event-loop';
import { Rng } from '../util/rng';
import type { PoemRequest } from './poem-request';

/** Continues prompts: the method `generate` of a session. */
export type GenerateSequences = TrainingSession['generate'];

/** The drafts of one poem. Draft i is drawn from stream i of the seed. */
export type DraftPlan = Readonly<{
  seed: number;
  /** For the form's constraint, one plan per draft; undefined without a form. */
  formPlans: readonly Int32Array[] | undefined;
}>;

/** Penalty for each repeated character in a draft, in nats per character. */
const REPETITION_COST = 0.2;
/**
 * Penalty for each line of a training poem in a draft, in nats per character: more than the usual difference between
 * drafts.
 */
const COPIED_LINE_COST = 2;

/** @throws ERR_TANGSHI_INVALID_ARG if the form does not allow the prompt. */
export function planDrafts({ form, prompt, bestOf }: PoemRequest, seed: number): DraftPlan {
  return { seed, formPlans: form?.plan(prompt, bestOf, Rng.of(seed, 'patterns')) };
}

/**
 * Draws the drafts of several poems in one native call.
 *
 * @returns For each poem, its drafts.
 */
export async function drawDrafts(
  generate: GenerateSequences,
  request: PoemRequest,
  poems: readonly DraftPlan[],
  options: GenerateCallOptions,
): Promise<Sample[][]> {
  const { form, promptIds, bestOf, sampling } = request;
  const count = poems.length * bestOf;
  const formPlans = poems.flatMap((poem) => poem.formPlans ?? []);
  const samples = await generate(
    Array<Int32Array>(count).fill(promptIds),
    {
      ...sampling,
      seeds: BigUint64Array.from(poems.flatMap(({ seed }) => Array<bigint>(bestOf).fill(BigInt(seed)))),
      streams: Uint32Array.from({ length: count }, (_, i) => i % bestOf),
      constraint: form?.constraint(formPlans),
    },
    options,
  );
  return poems.map((_, i) => samples.slice(i * bestOf, (i + 1) * bestOf));
}

/** Draws a single draft and reports each id as it is drawn. */
export async function drawDraft(
  generate: GenerateSequences,
  request: PoemRequest,
  plan: DraftPlan,
  { signal, onToken }: CallOptions & Readonly<{ onToken: (id: number) => void }>,
): Promise<Sample> {
  const options = { signal, onToken: (_: number, id: number) => onToken(id) };
  const [[draft]] = (await drawDrafts(generate, request, [plan], options)) as [[Sample]];
  return draft;
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
