import { createRequire } from 'node:module';
import { readData, readWeights } from './data';
import { draw } from './draw';
import { reorderGates } from './gates';
import { BEGIN, type Open, type Sizes, TRAINING } from './protocol';
import { serve, type Tasks } from './serve';
import type { Model, Tensor, Tf } from './tfjs-types';

/**
 * TensorFlow.js on its WebAssembly backend, which is single-threaded under Node: layers for training, cells for
 * sampling.
 */

type Get = (name: string) => Tensor;

/** tf.layers stacks the gates as i f g o like PyTorch, its cell as i g f o. */
const CELL_GATES = [0, 2, 1, 3];
const TINY = 1e-6; // same as PyTorch's clipping

async function open({ sizes, data, weights }: Open): Promise<Tasks> {
  const peers = createRequire(__filename);
  const tf = peers('@tensorflow/tfjs') as Tf;
  peers('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend('wasm');
  const get = getter(tf, weights);
  const model = buildModel(tf, sizes, get);
  const { lr, alpha, eps } = TRAINING;
  const optimizer = tf.train.rmsprop(lr, alpha, 0, eps ** 2); // adds eps before taking the root
  const { batches } = readData(data);
  let at = 0;
  const cells = buildCells(tf, sizes, get);

  return {
    async train({ steps }) {
      const losses: number[] = [];
      let tokens = 0;
      for (let step = 0; step < steps; step++) {
        const poems = batches[at++ % batches.length] as readonly number[][];
        tf.tidy(() => {
          const { value, grads } = tf.variableGrads(() => lossOf(tf, model, sizes, poems));
          optimizer.applyGradients(clipped(tf, grads));
          losses.push(value.dataSync()[0] as number);
        });
        tokens += poems.reduce((sum, poem) => sum + poem.length - 1, 0);
      }
      return { tokens, losses };
    },

    async sample({ poems, together, length, temperature }) {
      let first: number[] | undefined;
      for (let poem = 0; poem < poems; poem += together) {
        const ids = cells(together, length, temperature);
        first ??= ids;
      }
      return { tokens: poems * length, ids: first };
    },
  };
}

function getter(tf: Tf, path: string): Get {
  const weights = readWeights(path);
  return (name) => {
    const { values, shape } = weights[name] as (typeof weights)[string];
    return tf.tensor(values, shape);
  };
}

function biasOf(tf: Tf, get: Get, layer: number): Tensor {
  return tf.add(get(`lstm.bias_ih_l${layer}`), get(`lstm.bias_hh_l${layer}`));
}

/** The embedding is a product with one-hot rows: this backend has no gradient for a lookup. */
function buildModel(tf: Tf, sizes: Sizes, get: Get): Model {
  const { vocabSize, embedDim, hiddenDim, layers } = sizes;
  const blank = { kernelInitializer: 'zeros', recurrentInitializer: 'zeros' }; // other initializers are slow
  const model = tf.sequential();
  model.add(tf.layers.dense({ units: embedDim, useBias: false, inputShape: [null, vocabSize], ...blank }));
  const lstm = { units: hiddenDim, returnSequences: true, recurrentActivation: 'sigmoid', ...blank };
  for (let layer = 0; layer < layers; layer++) model.add(tf.layers.lstm(lstm));
  model.add(tf.layers.dense({ units: vocabSize, ...blank }));
  const recurrent = Array.from({ length: layers }, (_, layer) => [
    get(`lstm.weight_ih_l${layer}`).transpose(),
    get(`lstm.weight_hh_l${layer}`).transpose(),
    biasOf(tf, get, layer),
  ]);
  const output = [get('fc.weight').transpose(), get('fc.bias')];
  model.setWeights([get('embedding.weight'), ...recurrent.flat(), ...output]);
  return model;
}

function lossOf(tf: Tf, model: Model, { vocabSize }: Sizes, poems: readonly (readonly number[])[]): Tensor {
  const time = Math.max(...poems.map((poem) => poem.length)) - 1;
  const padded = (ids: readonly number[]) => [...ids, ...Array<number>(time - ids.length).fill(0)];
  const inputs = poems.flatMap((poem) => padded(poem.slice(0, -1)));
  const targets = poems.flatMap((poem) => padded(poem.slice(1)));
  const real = poems.flatMap((poem) => padded(Array<number>(poem.length - 1).fill(1)));
  const oneHot = tf.oneHot(tf.tensor(inputs, [poems.length, time], 'int32'), vocabSize);
  const logits = model.apply(oneHot).reshape([-1, vocabSize]);
  const wanted = tf.oneHot(tf.tensor(targets, [targets.length], 'int32'), vocabSize);
  return tf.losses.softmaxCrossEntropy(wanted, logits, tf.tensor(real, [real.length]));
}

function clipped(tf: Tf, grads: Record<string, Tensor>): Record<string, Tensor> {
  const norm = tf.sqrt(tf.addN(Object.values(grads).map((grad) => tf.sum(tf.square(grad)))));
  const scale = tf.minimum(1, tf.div(TRAINING.clipNorm, tf.add(norm, TINY)));
  return Object.fromEntries(Object.entries(grads).map(([name, grad]) => [name, tf.mul(grad, scale)]));
}

/** @returns A sampler: poems together, length, temperature -> the first poem's ids. */
function buildCells(tf: Tf, { vocabSize, hiddenDim, layers }: Sizes, get: Get) {
  const cell = (name: string, layer: number) => {
    const { shape } = get(`lstm.${name}_l${layer}`);
    const values = get(`lstm.${name}_l${layer}`).dataSync();
    return tf.tensor(reorderGates(values, CELL_GATES), shape);
  };
  const cells = Array.from({ length: layers }, (_, layer) => {
    const kernel = tf.concat([cell('weight_ih', layer), cell('weight_hh', layer)], 1).transpose();
    const bias = tf.add(cell('bias_ih', layer), cell('bias_hh', layer));
    return { kernel, bias };
  });
  const embedding = get('embedding.weight');
  const [output, outputBias] = [get('fc.weight').transpose(), get('fc.bias')];

  return (together: number, length: number, temperature: number): number[] => {
    const zero = () => tf.zeros([together, hiddenDim]);
    let state = cells.map(() => ({ c: zero(), h: zero() }));
    const ids = Array<number>(together).fill(BEGIN);
    const first: number[] = [];
    for (let step = 0; step < length; step++) {
      const before = state.flatMap(({ c, h }) => [c, h]);
      // Returns a tensor from tidy, which would search an array of numbers for tensors one by one.
      const softmax = tf.tidy(() => {
        let x = tf.gather(embedding, tf.tensor(ids, [together], 'int32'));
        state = cells.map(({ kernel, bias }, layer) => {
          const { c, h } = state[layer] as (typeof state)[number];
          const [nextC, nextH] = tf.basicLSTMCell(0, kernel, bias, x, c, h);
          x = nextH;
          return { c: tf.keep(nextC), h: tf.keep(nextH) };
        });
        return tf.softmax(tf.add(tf.matMul(x, output), outputBias));
      });
      const probabilities = softmax.dataSync();
      for (const tensor of [softmax, ...before]) tensor.dispose();
      for (let row = 0; row < together; row++) {
        ids[row] = draw(probabilities.subarray(row * vocabSize, (row + 1) * vocabSize), temperature);
      }
      first.push(ids[0] as number);
    }
    for (const { c, h } of state) {
      c.dispose();
      h.dispose();
    }
    return first;
  };
}

serve(open);
