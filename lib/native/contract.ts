/**
 * The contract between TypeScript and the C++ addon: types of everything passed between them. A call carries
 * batches or prompts, never a tensor operation. Arrays are copied before a call returns, so the caller may
 * reuse them. Promises reject with an Error whose `code` is an ErrorCode, or `ABORT_ERR` for a cancelled job;
 * no method throws.
 *
 * @module
 */

/** Type of the recurrent layers, as in PyTorch; `rnn` uses tanh. */
export type Cell = 'lstm' | 'gru' | 'rnn';
/** Where to compute; `cuda:0` is the first GPU. */
export type Device = 'cpu' | `cuda:${number}`;

/** Sizes and options of the network: Embedding `[V, E]` -> `layers` x cell `[H]` -> Linear `[V, H]`. */
export type ModelConfig = Readonly<{
  cell: Cell;
  /** V: ids are 0 … V - 1. */
  vocabSize: number;
  /** E. */
  embedDim: number;
  /** H. */
  hiddenDim: number;
  layers: number;
  /** Dropout probability on the embedding and on each layer's output, in training. */
  dropout: number;
  /** Whether the output layer shares its weight with the embedding; requires embedDim = hiddenDim. */
  tieWeights: boolean;
  /** ReLU on the logits: a mistake of the original program, which the `classic` preset reproduces. */
  reluLogits: boolean;
  /**
   * Xavier initialization of the output weights, as in the original program; otherwise a wider distribution,
   * which learns faster.
   */
  xavierOutput: boolean;
}>;

/**
 * Precision of matrix products: `fp32` is exact; `tf32` rounds their factors to 19 bits on a GPU, and is the
 * same as `fp32` on the CPU; `bf16` and `fp16` use factors of 16 bits with sums in 32. On the CPU, `bf16`
 * needs a processor with AVX512_BF16, and there is no `fp16`. Weights, gradients and optimizer state always
 * have 32 bits.
 */
export type Precision = 'fp32' | 'tf32' | 'bf16' | 'fp16';

/** PyTorch's semantics and names. `weightDecay` is added to the gradient, except for `adamw`, which shrinks the weight. */
export type OptimizerConfig =
  | Readonly<{ kind: 'rmsprop'; alpha: number; eps: number; weightDecay: number }>
  | Readonly<{ kind: 'adam' | 'adamw'; beta1: number; beta2: number; eps: number; weightDecay: number }>;

/** Configuration of a model for generation. */
export type InferenceConfig = Readonly<{
  model: ModelConfig;
  /** A GPU generates large numbers of sequences at once; everything else runs on the CPU in any case. */
  device: Device;
  /** CPU threads, 1 to 1,024. Results do not depend on them. */
  threads: number;
  /** Precision of matrix products on a GPU: exact, or with factors rounded to 19 bits. Default: `tf32`. */
  precision?: 'fp32' | 'tf32';
}>;

/** Configuration of a model for training. */
export type TrainingConfig = Readonly<{
  model: ModelConfig;
  optimizer: OptimizerConfig;
  device: Device;
  /** Seeds the initial weights and dropout. */
  seed: bigint;
  /** CPU threads, 1 to 1,024. Results do not depend on them. */
  threads: number;
  /** Default: `tf32`. */
  precision?: Precision;
  /**
   * Whether steps on a GPU run as CUDA graphs. Default: true. A graph is captured when a batch shape occurs for
   * the second time, and from then on launched as a whole; this requires an addon built with CUDA's headers.
   */
  graph?: boolean;
}>;

/**
 * Ids in row-major order, one poem per row, padded at the end with any valid input id and target -1. What precedes a
 * poem, such as its title, also has target -1.
 */
export type Batch = Readonly<{
  /** `[rows, time]`, each 0 <= id < vocabSize. */
  inputs: Int32Array;
  /** `[rows, time]`, each -1 (not predicted) <= id < vocabSize. */
  targets: Int32Array;
  /**
   * `[rows]`: loss = sum over rows of weight x the row's summed NLL. Default: the mean NLL over all targets.
   */
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
  /** Duration in milliseconds; on a GPU measured there, without uploads. */
  nativeMs: number;
  /** True if the step ran as a captured CUDA graph. */
  captured: boolean;
}>;

/** How sequences are generated. */
export type GenerateOptions = Readonly<{
  /** Highest number of ids to draw after the prompt. */
  maxNewTokens: number;
  /** Drawing this id ends a sequence; it is not part of the result. */
  endId: number;
  /** The end is not drawn before this number of ids. Default: 0. */
  minNewTokens?: number;
  /** Ids that are never drawn. */
  banned: Int32Array;
  /** 0 always takes the most likely id (greedy decoding). */
  temperature: number;
  /** Draw from the k most likely ids; 0 for all. */
  topK: number;
  /** Draw from the most likely ids whose probabilities add up to this value; 1 for all. */
  topP: number;
  /** `[prompts]`: sequence i is drawn from the random stream `streams[i]` of the seed `seeds[i]`. Default: 0 for all. */
  seeds?: BigUint64Array;
  /** `[prompts]`. Default: the index of each prompt. */
  streams?: Uint32Array;
  /** Number of ids at the start of a prompt that are not part of the poem. Default: 1. */
  preface?: number;
  /** Subtracted from the logit of an id for each of its occurrences in the sequence, in nats. Default: 0. */
  repetitionPenalty?: number;
  /** Ids that are exempt from the penalty. */
  repeatable?: Int32Array;
  /** A form that constrains the sequences. */
  constraint?: LogitConstraint;
  /**
   * Beam width: keep this number of continuations and return the most likely one instead of sampling. Seeds,
   * temperature, top-k and top-p have no effect, and `onToken` is not called.
   */
  beam?: number;
}>;

/**
 * Which ids are allowed at each position of a sequence, which positions rhyme, and which repeat others. A sequence
 * ends with its plan.
 */
export type LogitConstraint = Readonly<{
  /** `[n, vocabSize]`: 1 if an id is allowed. */
  masks: Uint8Array;
  /**
   * `[tables, vocabSize, words]`: the rhyme groups of each id as a bit set; words = ceil(groups / 32). A character may
   * rhyme differently in a level tone than in an oblique one, so each position names its table. Groups are common to
   * all tables.
   */
  groups: Uint32Array;
  /** `[words]`: the groups allowed for rhymes. */
  allowedGroups: Uint32Array;
  /**
   * For each prompt, `[positions, 4]` for the positions after its preface, including those of the prompt: the
   * index of a mask; the index of the rhyme that the position belongs to, or -1; the index of the table with the
   * groups of its ids, 0 without a rhyme; and the index of an earlier position whose id is repeated here, or -1. The
   * ids of a rhyme share a group and differ from each other. Where an id is repeated, no other is allowed, whatever
   * the mask; it must not be banned.
   */
  plans: readonly Int32Array[];
}>;

/** The ids drawn for one prompt, without the prompt. */
export type Sample = Readonly<{
  ids: Int32Array;
  /** True if the end was drawn or the constraint's plan is complete; false if `maxNewTokens` was reached. */
  ended: boolean;
  /** Log-probability of the drawn ids, including the end, under the model itself; in nats. */
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

/** Type of a tensor's elements, with safetensors' names. */
export type Dtype = 'F16' | 'F32' | 'I64' | 'I8' | 'U8';
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
  /** For each sequence: the log-probability of each id after the first, given those before it, in nats. */
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
  /** Like inference, with the current weights, on the CPU. */
  generate(prompts: readonly Int32Array[], options: GenerateOptions, onToken?: OnToken): Job<Sample[]>;
  snapshot(): Promise<TensorMap>;
  /**
   * All or nothing. Requires every tensor of the model in its shape. Without tensors under `optim.`, the
   * optimizer is reset; without tensors under `rng.`, the generator continues unchanged.
   */
  restore(tensors: TensorMap): Promise<void>;
  /** Cancels, waits for the step in progress, frees the model. Safe to call again. */
  dispose(): Promise<void>;
}

/**
 * The CUDA driver and devices of this machine.
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
 * The exports of writer.node, which generates poems on the CPU. The class has no public constructor.
 *
 * @internal
 */
export interface WriterAddon {
  readonly InferenceSession: {
    /** Builds the model on its own thread, from weights in F32, F16, or I8 with scales. */
    open(config: InferenceConfig, tensors: TensorMap): Promise<NativeInferenceSession>;
  };
  /** The vector instructions that the CPU kernels use. */
  readonly kernels: 'baseline' | 'avx2' | 'avx512';
}

/**
 * The exports of tangshi.node, which trains, and generates on GPUs, too.
 *
 * @internal
 */
export interface NativeAddon extends WriterAddon {
  readonly TrainingSession: {
    /**
     * Builds a model with new weights on its own thread. libtorch looks for CUDA once: after a training
     * session on the CPU, sessions on a GPU are rejected in the same process.
     */
    open(config: TrainingConfig): Promise<NativeTrainingSession>;
  };
  readonly FileLock: {
    /**
     * Locks a file, which is created if it does not exist, and writes a text to it. Returns null if another
     * process or this one holds the lock, or the system's error number if the file cannot be locked.
     */
    take(path: string, text: string): FileLock | number | null;
  };
  /** Such as `2.13.0`. */
  readonly torchVersion: string;
  /** Queries the driver, off the event loop. Does not load libtorch's CUDA library. */
  findCuda(): Promise<CudaFacts>;
}
