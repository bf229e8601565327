import type { Device, Precision } from '../../../lib/native/contract';

/**
 * How the benchmark talks to a contender: one JSON object a line. First `open`, untimed; then rounds, timed by the
 * contender around the work itself, so that neither start-up nor the pipe is in any figure.
 */

/** Embedding [V, E] -> `layers` x LSTM [H] -> Linear [V, H]. */
export type Sizes = Readonly<{ vocabSize: number; embedDim: number; hiddenDim: number; layers: number }>;

/** Where a contender works, and how. */
export type Place = Readonly<{
  device: Device;
  precision: Precision;
  /** Steps are captured and launched as a whole. */
  graph: boolean;
}>;

export type Open = Readonly<{
  task: 'open';
  sizes: Sizes;
  threads: number;
  /** Absent: on the CPU. */
  place?: Place;
  /** A file of `writeData`. */
  data: string;
  /** A file of `writeWeights`, which `ours` makes from its initial weights. */
  weights: string;
}>;

export type Work =
  /** Steps over the batches of the data, around and around, from where the last round stopped. */
  | Readonly<{ task: 'train'; steps: number }>
  /** Poems of `length` characters, `together` at a time; temperature 0 is greedy. */
  | Readonly<{ task: 'sample'; poems: number; together: number; length: number; temperature: number }>
  /** Of `ours` alone. */
  | Readonly<{ task: 'weights' }>;

export type Request = Open | Work;

export type Done = Readonly<{
  /** Real targets trained on, or characters drawn. */
  tokens: number;
  /** Of each step, in nats a target, before its update. */
  losses?: readonly number[];
  /** Of the first poem drawn. */
  ids?: readonly number[];
  /** Milliseconds in which a GPU was busy with steps, and how many of them were graphs. */
  busyMs?: number;
  captured?: number;
}>;

export type Answer = Done &
  Readonly<{
    seconds: number;
    /** Most memory the process has ever had resident. */
    peakBytes: number;
  }>;

/** RMSprop as PyTorch has it by default, at a rate where all contenders stay together for hundreds of steps. */
export const TRAINING = { lr: 0.001, alpha: 0.99, eps: 1e-8, clipNorm: 1 };
export const BEGIN = 1;
