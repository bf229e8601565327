import type { Batch, Sample, SampleOptions } from './contract';
import type { CallOptions, Session } from './session';

/**
 * `score` and `next` of a session on today's addon, which has neither: slow, but exact. To be replaced by the native
 * functions of the same names.
 */

/** Prompts per call of `nextLogProbs`: each needs a mask and logits of the size of the vocabulary. */
const PROMPTS_PER_CALL = 256;

/** Log-probability of each id after the first, given those before it: one evaluation per id. */
export async function sequenceLogProbs(
  session: Session,
  ids: Int32Array,
  options: CallOptions,
): Promise<Float32Array> {
  const time = ids.length - 1;
  const logProbs = new Float32Array(time);
  for (let at = 0; at < time; at++) {
    const targets = new Int32Array(time).fill(-1);
    targets[at] = ids[at + 1] as number;
    const batch: Batch = { inputs: ids.slice(0, -1), targets, rows: 1, time };
    logProbs[at] = -(await session.evaluate([batch], options)).nll;
  }
  return logProbs;
}

/** `[vocabSize]` log-probabilities of the id after `ids`: each id is drawn under a mask that allows no other. */
export async function nextLogProbs(
  session: Session,
  ids: Int32Array,
  vocabSize: number,
  options: CallOptions,
): Promise<Float32Array> {
  const logProbs = new Float32Array(vocabSize);
  for (let first = 0; first < vocabSize; first += PROMPTS_PER_CALL) {
    const count = Math.min(PROMPTS_PER_CALL, vocabSize - first);
    const masks = new Uint8Array(count * vocabSize);
    for (let i = 0; i < count; i++) masks[i * vocabSize + first + i] = 1;
    const samples = await session.generate(
      Array<Int32Array>(count).fill(ids),
      drawMasked(masks, count, vocabSize, ids.length),
      options,
    );
    logProbs.set(
      samples.map(({ logProb }: Sample) => logProb),
      first,
    );
  }
  return logProbs;
}

function drawMasked(masks: Uint8Array, count: number, vocabSize: number, preface: number): SampleOptions {
  return {
    maxNewTokens: 1,
    endId: 0,
    banned: new Int32Array(),
    temperature: 0,
    topK: 0,
    topP: 1,
    seed: 0n,
    preface,
    score: true,
    guide: {
      masks,
      groups: new Int32Array(vocabSize),
      allowedGroups: 0,
      plans: Array.from({ length: count }, (_, i) => Int32Array.of(i)),
    },
  };
}
