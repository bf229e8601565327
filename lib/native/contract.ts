/**
 * The contract between TypeScript and the C++ addon: everything that crosses is in this file.
 * A call carries a batch or a poem, never a tensor operation. Arrays are copied before a call returns,
 * so the caller may reuse them. Promises reject with an Error whose `code` is an ErrorCode; nothing throws.
 *
 * @module
 */

/** Of the network's hidden layers, as PyTorch has them; `rnn` with tanh. */
export type Cell = 'lstm' | 'gru' | 'rnn';
/** Where a session computes; `cuda:0` is the first GPU. */
export type Device = 'cpu' | `cuda:${number}`;

/** Sizes and switches of the network: Embedding `[V, E]` -> `layers` x cell `[H]` -> Linear `[V, H]`. */
export type ModelConfig = Readonly<{
  cell: Cell;
  /** V: ids are 0 … V - 1. */
  vocabSize: number;
  /** E. */
  embedDim: number;
  /** H. */
  hiddenDim: number;
  layers: number;
  /** Probability of dropping an element of the embedding and of each layer's output, in training only. */
  dropout: number;
  /** The output layer's weight is the embedding's: needs embedDim = hiddenDim. */
  tieWeights: boolean;
  /** ReLU on the logits: a fault of the original program, kept by the `classic` preset. */
  reluLogits: boolean;
  /** Initial output weights by Xavier, as the original program has them; otherwise wider, which learns faster. */
  xavierOutput: boolean;
}>;

/**
 * How a GPU multiplies: `fp32` exactly, `tf32` with 19 of the 32 bits, `bf16` and `fp16` with weights and activations of
 * 16 bits. Weights, gradients and what the optimizer keeps stay 32 bits wide; the CPU does all in 32 bits.
 */
export type Precision = 'fp32' | 'tf32' | 'bf16' | 'fp16';

/**
 * PyTorch's semantics and names. `weightDecay` is added to the gradient, but for `adamw`, which shrinks the weight instead.
 */
export type OptimizerConfig =
  | Readonly<{ kind: 'rmsprop'; alpha: number; eps: number; weightDecay: number }>
  | Readonly<{ kind: 'adam' | 'adamw'; beta1: number; beta2: number; eps: number; weightDecay: number }>;

/** A model, how it learns, and where. */
export type SessionConfig = Readonly<{
  model: ModelConfig;
  optimizer: OptimizerConfig;
  device: Device;
  /** Seeds the initial weights and dropout. */
  seed: bigint;
  /** CPU threads of one operation. Results are bit-equal for equal counts only. */
  threads: number;
  /**
   * How steps are done on a GPU; absent: tf32, by graphs. A graph is a step of one shape, captured when it comes for the
   * second time and launched as a whole from then on; it takes an addon that was built with CUDA's headers.
   */
  gpu?: Readonly<{ precision: Precision; graph: boolean }>;
}>;

/** Ids row-major, one poem a row, padded at the end of a row with any valid input id and target -1. */
export type Batch = Readonly<{
  /** `[rows, time]`, each 0 <= id < vocabSize. */
  inputs: Int32Array;
  /** `[rows, time]`, each -1 (padding) <= id < vocabSize. */
  targets: Int32Array;
  /** `[rows]`: loss = sum over rows of weight x the row's summed NLL. Absent: the mean NLL of the real targets. */
  weights?: Float32Array;
  /** Poems. */
  rows: number;
  /** Ids of a row, padding included. */
  time: number;
}>;

/** Of a call that trains. */
export type StepOptions = Readonly<{
  /** Learning rate of all batches, or of each. */
  lr: number | readonly number[];
  /** Gradients are scaled down to this 2-norm; Infinity leaves them alone. */
  clipNorm: number;
}>;

/** What one step was. */
export type StepStats = Readonly<{
  /** Loss of the batch before the update, in nats. */
  loss: number;
  /** 2-norm of all gradients before clipping. */
  gradNorm: number;
  /** Targets that were not padding. */
  tokens: number;
  /** Time of the step on its own thread, in milliseconds; on a GPU by the GPU's clock, uploads not counted. */
  nativeMs: number;
  /** It was a graph of a GPU's, launched as a whole. */
  captured: boolean;
}>;

/** How ids are drawn. */
export type SampleOptions = Readonly<{
  /** Characters drawn at most, beyond the prompt. */
  maxNewTokens: number;
  /** Drawing this id ends a sequence; the id is not returned. */
  endId: number;
  /** Ids that are never drawn. */
  banned: Int32Array;
  /** 0 takes the likeliest character (greedy). */
  temperature: number;
  /** Draw among the k likeliest; 0 for all. */
  topK: number;
  /** Draw among the likeliest that together reach this probability; 1 for all. */
  topP: number;
  /** Sequence i is drawn from a stream of its own that depends on seed and i alone. */
  seed: bigint;
  /** So many ids at a prompt's front are no part of the poem: they set the state; absent: 1. */
  preface?: number;
  /** Taken from the logit of an id, in nats, for each time that it stands in the sequence already; absent: 0. */
  repetitionPenalty?: number;
  /** Ids that may be repeated without it. */
  repeatable?: Int32Array;
  /** A form that the sequences are held to. */
  guide?: Guide;
  /**
   * Follow so many continuations at a time and give the likeliest, instead of drawing: neither seed nor temperature, top-k
   * or top-p come in, and nothing is told before the end.
   */
  beam?: number;
  /** Whether `logProb` is wanted: it takes a little longer. */
  score?: boolean;
}>;

/**
 * Which ids may stand at each place of a sequence, and which places rhyme. A sequence ends when its plan does; the end
 * is not drawn.
 */
export type Guide = Readonly<{
  /** `[n, vocabSize]`: 1 where an id may stand. */
  masks: Uint8Array;
  /** `[vocabSize]`: the rhyme groups of an id, each a bit; 0 for none. */
  groups: Int32Array;
  /** Those to rhyme in, as bits. */
  allowedGroups: number;
  /**
   * Of each prompt, for each place after its preface, the prompt's own included: the index of a mask, plus 0x10000 where
   * the id must share a group with all rhymes before it and be none of them.
   */
  plans: readonly Int32Array[];
}>;

/** Drawn characters of one prompt, the prompt itself not among them. */
export type Sample = Readonly<{
  ids: Int32Array;
  /** The end was drawn, or a guide's plan came to its end; otherwise the limit cut it off. */
  ended: boolean;
  /** Of the drawn ids, in nats, by the network alone; 0 unless it was asked for. */
  logProb: number;
}>;

/**
 * Work queued on the session's own thread. `cancel` is honoured between steps and between characters.
 *
 * @internal
 */
export interface Job<T> {
  readonly done: Promise<T>;
  cancel(): void;
}

/** Of a tensor's elements, under safetensors' names. */
export type Dtype = 'F32' | 'I64' | 'U8';
/** A tensor: little-endian, row-major; `data` may have any alignment. */
export type TensorData = Readonly<{ dtype: Dtype; shape: readonly number[]; data: Uint8Array }>;
/**
 * Raw little-endian tensors by name: the model's under PyTorch's names (`embedding.weight`,
 * `lstm.weight_ih_l0`, …, `fc.bias`), the optimizer's under `optim.`, the dropout generator's under `rng.`.
 */
export type TensorMap = Readonly<Record<string, TensorData>>;

/**
 * What `Session` stands on.
 *
 * @internal
 */
export interface NativeSession {
  /**
   * One optimizer step a batch. Cancelled, it resolves with the steps that were done. A GPU is asked for losses once a
   * call: give it many batches.
   */
  train(batches: readonly Batch[], options: StepOptions): Job<StepStats[]>;
  /** Summed NLL in nats and count of the real targets; weights are not looked at, dropout is off. */
  evaluate(batches: readonly Batch[]): Job<{ nll: number; tokens: number }>;
  /**
   * One sequence a prompt; every prompt has at least one id. `onDrawn` is told of each id as it is drawn, with its
   * prompt's index; the last of them may come after the samples. What it throws is an uncaught exception.
   */
  sample(
    prompts: readonly Int32Array[],
    options: SampleOptions,
    onDrawn?: (prompt: number, id: number) => void,
  ): Job<Sample[]>;
  snapshot(): Promise<TensorMap>;
  /**
   * All or nothing. Every tensor of the model must be there, in its shape; without any `optim.` tensor the
   * optimizer starts afresh, without any `rng.` tensor the generator goes on as it was.
   */
  restore(tensors: TensorMap): Promise<void>;
  /** Cancels, waits for the step in progress, frees. May be called again. */
  dispose(): Promise<void>;
}

/**
 * What this machine has of CUDA.
 *
 * @internal
 */
export type CudaFacts = Readonly<{
  /** Memory in bytes. */
  devices: readonly Readonly<{ name: string; memory: number }>[];
  /** The newest CUDA version that the driver knows, such as `13.0`; absent without a driver. */
  driver?: string;
  /** Why no device can be used, and what mends it. */
  problem?: string;
}>;

/**
 * A lock that is held.
 *
 * @internal
 */
export interface FileLock {
  release(): void;
}

/**
 * What the .node file exports.
 *
 * @internal
 */
export interface NativeAddon {
  /**
   * Builds the model on the session's own thread. libtorch looks for CUDA once: where the first session of a process
   * is on the CPU, all of them are.
   */
  openSession(config: SessionConfig): Promise<NativeSession>;
  /** For example `2.13.0`. */
  readonly torchVersion: string;
  /** The vector instructions that work on the CPU is done with. */
  readonly kernels: 'baseline' | 'avx2' | 'avx512';
  /** Asks the driver, off the event loop; loads nothing of libtorch. */
  findCuda(): Promise<CudaFacts>;
  /**
   * Takes the lock of a file, which is made when it is not there and left with this text in it: for as long as the
   * process lives, or until it is released. Null when another holds it, also in this process; the system's number for
   * an error.
   */
  lockFile(path: string, text: string): FileLock | number | null;
}
