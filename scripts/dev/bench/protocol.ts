import type { Cell, Device, Precision } from '../../../lib/native/contract';

/**
 * The protocol between the benchmark and a contender: one JSON object per line. First `open`, which is not timed; then
 * rounds, which the contender times around the work itself, so that neither start-up nor the pipe is included.
 */

/** Embedding [V, E] -> `layers` x cell [H] -> Linear [V, H]. */
export type Sizes = Readonly<{
  vocabSize: number;
  embedDim: number;
  hiddenDim: number;
  layers: number;
  /** Default: lstm. */
  cell?: Cell;
}>;

/** Device of a contender and its settings. */
export type Place = Readonly<{
  device: Device;
  precision: Precision;
  /** Whether steps are captured and launched as CUDA graphs. */
  graph: boolean;
}>;

export type Open = Readonly<{
  task: 'open';
  sizes: Sizes;
  threads: number;
  /** Default: on the CPU. */
  place?: Place;
  /** Path of a file by `writeData`. */
  data: string;
  /** Path of a file by `writeWeights`, with the initial weights of `ours`. */
  weights: string;
}>;

export type Work =
  /** Steps over the batches of the data, cyclically, continuing where the last round stopped. */
  | Readonly<{ task: 'train'; steps: number }>
  /** Generates poems of `length` characters, `together` at a time; temperature 0 is greedy. */
  | Readonly<{ task: 'sample'; poems: number; together: number; length: number; temperature: number }>
  /** Only for `ours`. */
  | Readonly<{ task: 'weights' }>;

export type Request = Open | Work;

export type Done = Readonly<{
  /** Number of real targets trained on, or of characters drawn. */
  tokens: number;
  /** Of each step, in nats per target, before its update. */
  losses?: readonly number[];
  /** Of the first poem drawn. */
  ids?: readonly number[];
  /** Milliseconds in which the GPU was busy with steps, and number of steps that ran as graphs. */
  busyMs?: number;
  captured?: number;
}>;

export type Answer = Done &
  Readonly<{
    seconds: number;
    /** Peak resident memory of the process. */
    peakBytes: number;
  }>;

/** RMSprop with PyTorch's defaults, at a learning rate at which all contenders agree for hundreds of steps. */
export const TRAINING = { lr: 0.001, alpha: 0.99, eps: 1e-8, clipNorm: 1 };
export const BEGIN = 1;
