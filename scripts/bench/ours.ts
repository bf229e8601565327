import { bucketedBatcher } from '../../lib/batcher';
import { weightsOf } from '../../lib/checkpoint';
import { Session } from '../../lib/session';
import { readData, writeWeights } from './data';
import { BEGIN, type Open, TRAINING } from './protocol';
import { serve, type Tasks } from './serve';

/** This library as its own commands use it: a batch a call (lib/train.ts), a call a poem (lib/poem.ts). */

/** Never drawn, as in any vocabulary of the library; so no poem ends early. */
const UNK = 0;

async function open({ sizes, threads, data, weights }: Open): Promise<Tasks> {
  const { lr, alpha, eps, clipNorm } = TRAINING;
  const plain = { dropout: 0, tieWeights: false, reluLogits: false, xavierOutput: false };
  const session = await Session.open({
    model: { cell: 'lstm', ...sizes, ...plain },
    optimizer: { kind: 'rmsprop', alpha, eps, weightDecay: 0 },
    ...{ device: 'cpu', seed: 1n, threads },
  });
  const { poems, batch, seed } = readData(data);
  const ids = poems.map((poem) => Int32Array.from(poem));
  const batcher = bucketedBatcher(ids, { batch, seed });
  let drawn = 0n;

  return {
    async train({ steps }) {
      const losses: number[] = [];
      let tokens = 0;
      for (let step = 0; step < steps; step++) {
        for (const stats of await session.train([batcher.next()], { lr, clipNorm })) {
          losses.push(stats.loss);
          tokens += stats.tokens;
        }
      }
      return { tokens, losses };
    },

    async sample({ poems, together, length, temperature }) {
      const prompts = Array<Int32Array>(together).fill(Int32Array.of(BEGIN));
      const options = { maxNewTokens: length, endId: UNK, banned: Int32Array.of(UNK), temperature };
      let tokens = 0;
      let first: number[] | undefined;
      for (let poem = 0; poem < poems; poem += together) {
        const samples = await session.sample(prompts, { ...options, topK: 0, topP: 1, seed: drawn++ });
        for (const { ids } of samples) tokens += ids.length;
        first ??= [...(samples[0]?.ids ?? [])];
      }
      return { tokens, ids: first };
    },

    async weights() {
      writeWeights(weights, weightsOf(await session.snapshot()));
      return { tokens: 0 };
    },
  };
}

serve(open);
