/** The part of @tensorflow/tfjs that tfjs.ts uses, so that types are checked even if it is not installed. */

type Shape = readonly (number | null)[];
type Operand = Tensor | number;

export type Tensor = Readonly<{
  shape: readonly number[];
  transpose(): Tensor;
  reshape(shape: Shape): Tensor;
  dataSync(): Float32Array;
  dispose(): void;
}>;

export type Model = Readonly<{
  add(layer: unknown): void;
  apply(input: Tensor): Tensor;
  setWeights(weights: readonly Tensor[]): void;
}>;

type Gradients = Record<string, Tensor>;
type Layer = (options: object) => unknown;

export type Tf = Readonly<{
  setBackend(name: 'wasm'): Promise<boolean>;
  tidy<T>(work: () => T): T;
  keep(tensor: Tensor): Tensor;
  tensor(values: Float32Array | readonly number[], shape: readonly number[], dtype?: 'int32'): Tensor;
  zeros(shape: readonly number[]): Tensor;
  add(a: Operand, b: Operand): Tensor;
  addN(tensors: readonly Tensor[]): Tensor;
  mul(a: Operand, b: Operand): Tensor;
  div(a: Operand, b: Operand): Tensor;
  minimum(a: Operand, b: Operand): Tensor;
  sqrt(a: Tensor): Tensor;
  square(a: Tensor): Tensor;
  sum(a: Tensor): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  gather(a: Tensor, ids: Tensor): Tensor;
  oneHot(ids: Tensor, depth: number): Tensor;
  concat(tensors: readonly Tensor[], axis: number): Tensor;
  softmax(logits: Tensor): Tensor;
  basicLSTMCell(
    ...args: [forgetBias: number, kernel: Tensor, bias: Tensor, x: Tensor, c: Tensor, h: Tensor]
  ): [c: Tensor, h: Tensor];
  variableGrads(loss: () => Tensor): { value: Tensor; grads: Gradients };
  losses: { softmaxCrossEntropy(wanted: Tensor, logits: Tensor, weights: Tensor): Tensor };
  train: {
    rmsprop(...args: [lr: number, decay: number, momentum: number, eps: number]): {
      applyGradients(grads: Gradients): void;
    };
  };
  sequential(): Model;
  layers: { dense: Layer; lstm: Layer };
}>;
