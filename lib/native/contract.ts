/**
 * The contract between TypeScript and the C++ addon: everything that crosses is typed here. A call carries batches or
 * prompts, never a tensor operation. Arrays are copied before a call returns, so the caller may reuse them. Promises reject
 * with an Error whose `code` is an ErrorCode, or `ABORT_ERR` for a job that was cancelled; no method throws.
 *
 * @module
 */

/** Type of the recurrent layers, as in PyTorch; `rnn` uses tanh. */
export type Cell = 'lstm' | 'gru' | 'rnn';
/** Where to compute; `cuda:0` is the first GPU. */
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
  /** Probability of zeroing an element of the embedding and of each layer's output; in training only. */
  dropout: number;
  /** The embedding matrix is shared with the output layer: needs embedDim = hiddenDim. */
  tieWeights: boolean;
  /** ReLU on the logits: a mistake of the original program, which the `classic` preset reproduces. */
  reluLogits: boolean;
  /** Xavier initialization of the output weights, as in the original program; otherwise wider, which learns faster. */
  xavierOutput: boolean;
}>;

/**
 * How a GPU computes: `fp32` exactly; `tf32` with products rounded to 19 bits; `bf16` and `fp16` with 16-bit weights and
 * activations. Master weights, gradients and optimizer state have 32 bits always, and the CPU computes in 32 bits.
 */
export type Precision = 'fp32' | 'tf32' | 'bf16' | 'fp16';

/** PyTorch's semantics and names. `weightDecay` is added to the gradient, except for `adamw`, which shrinks the weight. */
export type OptimizerConfig =
  | Readonly<{ kind: 'rmsprop'; alpha: number; eps: number; weightDecay: number }>
  | Readonly<{ kind: 'adam' | 'adamw'; beta1: number; beta2: number; eps: number; weightDecay: number }>;

/** A model that generates. */
export type InferenceConfig = Readonly<{
  model: ModelConfig;
  /** A GPU generates many sequences at once; everything else runs on the CPU in any case. */
  device: Device;
  /** CPU threads, 1 to 1,024. Results do not depend on them. */
  threads: number;
  /** Products on the GPU: exact, or rounded to 19 bits. Default: `tf32`. */
  precision?: 'fp32' | 'tf32';
}>;

/** A model that is trained. */
export type TrainingConfig = Readonly<{
  model: ModelConfig;
  optimizer: OptimizerConfig;
  device: Device;
  /** Seeds the initial weights and dropout. */
  seed: bigint;
  /** CPU threads, 1 to 1,024. Results are bit-equal for equal counts only. */
  threads: number;
  /**
   * How steps run on a GPU. Default: tf32, as graphs. A graph is captured when a batch shape comes for the second time, and
   * launched as a whole from then on; this needs an addon that was built with CUDA's headers.
   */
  gpu?: Readonly<{ precision: Precision; graph: boolean }>;
}>;

/** Ids row-major, one poem per row, padded at the end with any valid input id and target -1. */
export type Batch = Readonly<{
  /** `[rows, time]`, each 0 <= id < vocabSize. */
  inputs: Int32Array;
  /** `[rows, time]`, each -1 (padding) <= id < vocabSize. */
  targets: Int32Array;
  /** `[rows]`: loss = sum over rows of weight x the row's summed NLL. Default: the mean NLL of all targets. */
  weights?: Float32Array;
  /** Number of poems. */
  rows: number;
  /** Ids per row, including padding. */
  time: number;
}>;

/** Options of a call that trains. */
export type StepOptions = Readonly<{
  /** Learning rate of all batches, or of each. */
  lr: number | readonly number[];
  /** Gradients are scaled down to this 2-norm; Infinity leaves them unchanged. */
  clipNorm: number;
}>;

/** Result of one step. */
export type StepStats = Readonly<{
  /** Loss of the batch before the update, in nats. */
  loss: number;
  /** 2-norm of all gradients before clipping. */
  gradNorm: number;
  /** Number of targets, without padding. */
  tokens: number;
  /** Duration in milliseconds; on a GPU by its own clock, without uploads. */
  nativeMs: number;
  /** True if the step ran as a captured CUDA graph. */
  captured: boolean;
}>;

/** How sequences are generated. */
export type GenerateOptions = Readonly<{
  /** Highest number of ids to draw after the prompt. */
  maxNewTokens: number;
  /** Drawing this id ends a sequence; it is not returned. */
  endId: number;
  /** The end is not drawn before this many ids. Default: 0. */
  minNewTokens?: number;
  /** Ids that are never drawn. */
  banned: Int32Array;
  /** 0 always takes the likeliest id (greedy). */
  temperature: number;
  /** Draw from the k likeliest ids; 0 for all. */
  topK: number;
  /** Draw from the likeliest ids whose probabilities add up to this value; 1 for all. */
  topP: number;
  /** `[prompts]`: sequence i is drawn from the random stream `streams[i]` of the seed `seeds[i]`. Default: 0 for all. */
  seeds?: BigUint64Array;
  /** `[prompts]`. Default: the index of each prompt. */
  streams?: Uint32Array;
  /** Number of ids at the front of a prompt that are not part of the poem. Default: 1. */
  preface?: number;
  /** Subtracted from the logit of an id for each time that it occurs in the sequence, in nats. Default: 0. */
  repetitionPenalty?: number;
  /** Ids that are exempt from the penalty. */
  repeatable?: Int32Array;
  /** A form that the sequences are held to. */
  constraint?: LogitConstraint;
  /**
   * Follow this many continuations at a time and return the likeliest, instead of drawing: seeds, temperature, top-k and
   * top-p have no effect, and `onToken` is not called.
   */
  beam?: number;
}>;

/** Which ids may stand at each position of a sequence, and which positions rhyme. A sequence ends with its plan. */
export type LogitConstraint = Readonly<{
  /** `[n, vocabSize]`: 1 where an id may stand. */
  masks: Uint8Array;
  /** `[vocabSize, words]`: the rhyme groups of each id as bits; words = ceil(groups / 32). */
  groups: Uint32Array;
  /** `[words]`: the groups to rhyme in. */
  allowedGroups: Uint32Array;
  /**
   * Of each prompt, `[positions, 2]` for the positions after its preface, those of the prompt included: the index of a mask;
   * and the index of the rhyme that the position belongs to, or -1. The ids of a rhyme share a group, and none occurs twice.
   */
  plans: readonly Int32Array[];
}>;

/** The ids drawn for one prompt, without the prompt. */
export type Sample = Readonly<{
  ids: Int32Array;
  /** The end was drawn or the constraint's plan is complete; otherwise `maxNewTokens` was reached. */
  ended: boolean;
  /** Log-probability of the drawn ids, the end included, under the model itself; in nats. */
  logProb: number;
}>;

/**
 * A queued call. `cancel` takes effect between two steps, batches or characters.
 *
 * @internal
 */
export interface Job<T> {
  readonly done: Promise<T>;
  cancel(): void;
}

/** Type of a tensor's elements, under safetensors' names. */
export type Dtype = 'F16' | 'F32' | 'I64' | 'U8';
/** A tensor: little-endian, row-major; `data` may have any alignment. */
export type TensorData = Readonly<{ dtype: Dtype; shape: readonly number[]; data: Uint8Array }>;
/**
 * Tensors by name: the model's under PyTorch's names (`embedding.weight`, `lstm.weight_ih_l0`, …, `fc.bias`), the
 * optimizer's under `optim.`, the dropout generator's under `rng.`.
 */
export type TensorMap = Readonly<Record<string, TensorData>>;

/**
 * Called with the index of a prompt and each id as it is drawn; the last call may come after the job is done. What it throws
 * is an uncaught exception.
 */
export type OnToken = (prompt: number, id: number) => void;

/**
 * What `InferenceSession` wraps.
 *
 * @internal
 */
export interface NativeInferenceSession {
  /** One sequence per prompt; every prompt has at least one id. */
  generate(prompts: readonly Int32Array[], options: GenerateOptions, onToken?: OnToken): Job<Sample[]>;
  /** Of each sequence: the log-probability of each id after the first, given those before it, in nats. */
  score(sequences: readonly Int32Array[]): Job<Float32Array[]>;
  /** `[vocabSize]`: the log-probability of each id after `ids`, in nats. */
  next(ids: Int32Array): Job<Float32Array>;
  /** Cancels, waits for the call in progress, frees the model. Safe to call again. */
  dispose(): Promise<void>;
}

/**
 * What `TrainingSession` wraps.
 *
 * @internal
 */
export interface NativeTrainingSession {
  /** One optimizer step per batch. When cancelled, resolves with the steps taken so far. */
  train(batches: readonly Batch[], options: StepOptions): Job<StepStats[]>;
  /** Summed NLL in nats and number of targets; weights of rows are ignored, dropout is off. */
  evaluate(batches: readonly Batch[]): Job<{ nll: number; tokens: number }>;
  /** As for inference, with the current weights, on the CPU. */
  generate(prompts: readonly Int32Array[], options: GenerateOptions, onToken?: OnToken): Job<Sample[]>;
  snapshot(): Promise<TensorMap>;
  /**
   * All or nothing. Every tensor of the model must be there, in its shape. Without tensors under `optim.` the optimizer
   * is reset; without tensors under `rng.` the generator continues as it was.
   */
  restore(tensors: TensorMap): Promise<void>;
  /** Cancels, waits for the step in progress, frees the model. Safe to call again. */
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
  /** The newest CUDA version that the driver supports, such as `13.0`; absent without a driver. */
  driver?: string;
  /** Why no device can be used, and how to fix that. */
  problem?: string;
}>;

/**
 * A lock that is held until it is released or the process ends.
 *
 * @internal
 */
export interface FileLock {
  release(): void;
}

/**
 * What the .node file exports. The classes have no public constructor.
 *
 * @internal
 */
export interface NativeAddon {
  readonly InferenceSession: {
    /** Builds the model on a thread of its own, from weights in F32 or F16. Uses nothing of libtorch on the CPU. */
    open(config: InferenceConfig, tensors: TensorMap): Promise<NativeInferenceSession>;
  };
  readonly TrainingSession: {
    /**
     * Builds a model with new weights on a thread of its own. libtorch looks for CUDA once: after a training session on the
     * CPU, sessions on a GPU are refused in the same process.
     */
    open(config: TrainingConfig): Promise<NativeTrainingSession>;
  };
  readonly FileLock: {
    /**
     * Locks a file, which is created if it does not exist, and writes a text to it. Null if another process or this one holds
     * the lock; the system's error number if the file cannot be locked.
     */
    take(path: string, text: string): FileLock | number | null;
  };
  /** For example `2.13.0`. */
  readonly torchVersion: string;
  /** The vector instructions that the CPU kernels use. */
  readonly kernels: 'baseline' | 'avx2' | 'avx512';
  /** Asks the driver, off the event loop; loads nothing of libtorch. */
  findCuda(): Promise<CudaFacts>;
}
