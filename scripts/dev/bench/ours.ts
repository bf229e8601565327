import { bucketedBatcher } from '../../../lib/data/batcher';
import { weightsOf } from '../../../lib/model/checkpoint-format';
import type { ModelConfig, StepStats } from '../../../lib/native/contract';
import { InferenceSession } from '../../../lib/native/inference-session';
import { TrainingSession } from '../../../lib/native/training-session';
import { readData, writeWeights } from './data';
import { BEGIN, type Open, type Place, TRAINING } from './protocol';
import { serve, type Tasks } from './serve';

/**
 * This library as its own commands use it. Training: one batch per call, or on a GPU as many as its losses are read for
 * at once (lib/train/train.ts). Generation: one call per poem (lib/model/generate.ts).
 */

const ON_CPU: Place = { device: 'cpu', precision: 'fp32', graph: false };
/** As in npm run train. */
const LOG_EVERY = 50;
/** Never drawn, like the special tokens of the library's vocabularies, so that no poem ends early. */
const UNK = 0;

async function open({ sizes, threads, place = ON_CPU, data, weights }: Open): Promise<Tasks> {
  const { lr, alpha, eps, clipNorm } = TRAINING;
  const plain = { dropout: 0, tieWeights: false, reluLogits: false, xavierOutput: false };
  const model: ModelConfig = { cell: 'lstm', ...sizes, ...plain };
  const session = await TrainingSession.open({
    model,
    optimizer: { kind: 'rmsprop', alpha, eps, weightDecay: 0 },
    device: place.device,
    seed: 1n,
    threads,
    precision: place.precision,
    graph: place.graph,
  });
  const { poems, batch, seed } = readData(data);
  const ids = poems.map((poem) => Int32Array.from(poem));
  const batcher = bucketedBatcher(ids, { batch, seed });
  let drawn = 0n;
  let inference: InferenceSession | undefined; // with the current weights

  return {
    async train({ steps }) {
      await inference?.dispose();
      inference = undefined;
      const all: StepStats[] = [];
      while (all.length < steps) {
        const count = Math.min(place.device === 'cpu' ? 1 : LOG_EVERY, steps - all.length);
        const batches = Array.from({ length: count }, () => batcher.next());
        all.push(...(await session.train(batches, { lr, clipNorm })));
      }
      return {
        tokens: sum(all.map(({ tokens }) => tokens)),
        losses: all.map(({ loss }) => loss),
        busyMs: sum(all.map(({ nativeMs }) => nativeMs)),
        captured: all.filter(({ captured }) => captured).length,
      };
    },

    async sample({ poems, together, length, temperature }) {
      const prompts = Array<Int32Array>(together).fill(Int32Array.of(BEGIN));
      const options = { maxNewTokens: length, endId: UNK, banned: Int32Array.of(UNK), temperature };
      const streams = Uint32Array.from({ length: together }, (_, i) => i);
      inference ??= await InferenceSession.open(
        { model, device: place.device, threads, precision: place.precision === 'fp32' ? 'fp32' : 'tf32' },
        weightsOf(await session.snapshot()),
      );
      let tokens = 0;
      let first: number[] | undefined;
      for (let poem = 0; poem < poems; poem += together) {
        const samples = await inference.generate(prompts, {
          ...options,
          topK: 0,
          topP: 1,
          seeds: new BigUint64Array(together).fill(drawn++),
          streams,
        });
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

serve(open);
