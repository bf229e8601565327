import { createRequire } from 'node:module';
import { readWeights } from './data';
import { draw } from './draw';
import { reorderGates } from './gates';
import { encodeModel, type Graph, type Node } from './onnx-file';
import { BEGIN, type Open, type Sizes } from './protocol';
import { serve, type Tasks } from './serve';

/** onnxruntime-node: one run of the model per character, carrying the state along. It does not train. */

/** The part of the package in use. */
type Tensor = Readonly<{ data: Float32Array }>;
type Runtime = Readonly<{
  Tensor: new (
    type: 'float32' | 'int32',
    data: Float32Array | Int32Array,
    shape: readonly number[],
  ) => Tensor;
  InferenceSession: {
    create(
      model: Uint8Array,
      options: Readonly<{ intraOpNumThreads: number; interOpNumThreads: number; executionMode: string }>,
    ): Promise<{ run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> }>;
  };
}>;
type Weights = ReturnType<typeof readWeights>;

/** ONNX stacks the gates as i o f g. */
const GATES = [0, 3, 1, 2];

async function open({ sizes, threads, weights }: Open): Promise<Tasks> {
  const { Tensor, InferenceSession } = createRequire(__filename)('onnxruntime-node') as Runtime;
  const session = await InferenceSession.create(encodeModel(stepGraph(sizes, readWeights(weights))), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });

  async function poems(together: number, length: number, temperature: number): Promise<number[]> {
    const ids = new Int32Array(together).fill(BEGIN);
    const first: number[] = [];
    const zero = () => new Tensor('float32', new Float32Array(together * sizes.hiddenDim), shape);
    const shape = [1, together, sizes.hiddenDim];
    const state: Record<string, Tensor> = {};
    for (const name of layers(sizes).flatMap(stateOf)) state[name] = zero();
    while (first.length < length) {
      const out = await session.run({ ids: new Tensor('int32', ids, [1, together]), ...state });
      for (const name in state) state[name] = out[next(name)] as Tensor;
      const { data } = out.probabilities as Tensor;
      for (let row = 0; row < together; row++) {
        ids[row] = draw(data.subarray(row * sizes.vocabSize, (row + 1) * sizes.vocabSize), temperature);
      }
      first.push(ids[0] as number);
    }
    return first;
  }

  return {
    async sample({ poems: count, together, length, temperature }) {
      let first: number[] | undefined;
      for (let poem = 0; poem < count; poem += together) {
        const ids = await poems(together, length, temperature);
        first ??= ids;
      }
      return { tokens: count * length, ids: first };
    },
  };
}

/** One step for any number of poems: Gather -> LSTM x layers -> Gemm -> Softmax. */
function stepGraph(sizes: Sizes, weights: Weights): Graph {
  const state = [1, 'poems', sizes.hiddenDim];
  const states = layers(sizes).flatMap(stateOf);
  const last = next(stateOf(sizes.layers - 1)[0] as string);
  const nodes: Node[] = [
    { op: 'Gather', inputs: ['embedding.weight', 'ids'], outputs: ['embedded'] },
    ...layers(sizes).map((layer) => lstm(layer, sizes)),
    { op: 'Squeeze', inputs: [last, 'first'], outputs: ['features'] },
    {
      op: 'Gemm',
      inputs: ['features', 'fc.weight', 'fc.bias'],
      outputs: ['logits'],
      attributes: { transB: 1 },
    },
    { op: 'Softmax', inputs: ['logits'], outputs: ['probabilities'], attributes: { axis: 1 } },
  ];
  return {
    nodes,
    constants: {
      ...pick(weights, ['embedding.weight', 'fc.weight', 'fc.bias']),
      ...Object.assign({}, ...layers(sizes).map((layer) => lstmConstants(layer, sizes, weights))),
      first: { shape: [1], values: BigInt64Array.of(0n) },
    },
    inputs: {
      ids: { type: 'int32', shape: [1, 'poems'] },
      ...Object.fromEntries(states.map((name) => [name, { type: 'float', shape: state }] as const)),
    },
    outputs: {
      probabilities: ['poems', sizes.vocabSize],
      ...Object.fromEntries(states.map((name) => [next(name), state])),
    },
  };
}

function lstm(layer: number, { hiddenDim }: Sizes): Node {
  const [h, c] = stateOf(layer) as [string, string];
  const input = layer === 0 ? 'embedded' : next(stateOf(layer - 1)[0] as string);
  const constants = ['W', 'R', 'B'].map((name) => `${name}${layer}`);
  return {
    op: 'LSTM',
    inputs: [input, ...constants, '', h, c],
    outputs: ['', next(h), next(c)], // for a single step, the last output is all outputs
    attributes: { hidden_size: hiddenDim },
  };
}

function lstmConstants(layer: number, { hiddenDim }: Sizes, weights: Weights): Graph['constants'] {
  const get = (name: string) =>
    reorderGates(weights[`lstm.${name}_l${layer}`]?.values as Float32Array, GATES);
  const [W, R] = [get('weight_ih'), get('weight_hh')];
  const B = Float32Array.of(...get('bias_ih'), ...get('bias_hh'));
  const gates = 4 * hiddenDim;
  return {
    [`W${layer}`]: { shape: [1, gates, W.length / gates], values: W },
    [`R${layer}`]: { shape: [1, gates, hiddenDim], values: R },
    [`B${layer}`]: { shape: [1, 2 * gates], values: B },
  };
}

function layers(sizes: Sizes): number[] {
  return Array.from({ length: sizes.layers }, (_, layer) => layer);
}

function stateOf(layer: number): string[] {
  return [`h${layer}`, `c${layer}`];
}

function next(name: string): string {
  return `${name}.next`;
}

function pick(weights: Weights, names: readonly string[]): Weights {
  return Object.fromEntries(names.map((name) => [name, weights[name] as Weights[string]]));
}

serve(open);
