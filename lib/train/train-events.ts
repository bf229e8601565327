import type { Tally } from '../data/clean';
import type { Evaluation } from '../eval/perplexity';
import type { Device, Precision } from '../native/contract';

/**
 * The events of a training run, in this order: `plan`; `step`s (or `skipped` ones), with a `checkpoint` now and then;
 * at the end of each epoch `epoch`, `sample` and `checkpoint`; `evaluation` at a limit; finally `done`. Losses are in
 * nats per target, times in seconds; steps and epochs count from 1.
 */
export type TrainEvent =
  | Readonly<{
      type: 'plan';
      /** Path of the run folder. */
      run: string;
      corpus: string;
      /** Number of training poems. */
      poems: number;
      /** Number of held-out poems. */
      heldOut: number;
      /** Training targets per epoch. */
      tokens: number;
      tally: Tally;
      /** Size of the vocabulary. */
      vocab: number;
      /** Number of weights; a tied weight counts once. */
      parameters: number;
      device: Device;
      /** Precision of matrix products on this device: `fp32` or `bf16` on the CPU. */
      precision: Precision;
      threads: number;
      epochs: number;
      stepsPerEpoch: number;
      /** Number of steps of the whole run. */
      steps: number;
      /** Number of steps taken so far. */
      done: number;
      /** Rough estimate of the remaining time, from the time of one forward pass. */
      seconds: number;
      /** Changes in the environment since the run stopped. */
      notices: readonly string[];
    }>
  | Readonly<{
      type: 'step';
      step: number;
      epoch: number;
      /** Before the update. */
      loss: number;
      /** Exponential average over about 50 steps. */
      smoothedLoss: number;
      /** 2-norm of all gradients before clipping. */
      gradNorm: number;
      /** Learning rate. */
      lr: number;
      /** Number of targets in the batch. */
      tokens: number;
      tokensPerSecond: number;
    }>
  /** A step whose loss or gradient is NaN or infinite. It does not change the weights. Only with `skipNonfinite`. */
  | Readonly<{
      type: 'skipped';
      step: number;
      epoch: number;
      loss: number;
      gradNorm: number;
      /** Number of skipped steps of the run so far, including this one. */
      skipped: number;
    }>
  | Readonly<{
      type: 'epoch';
      epoch: number;
      step: number;
      /** Mean of the epoch's losses. */
      loss: number;
      /** Evaluation on the held-out poems; absent if there are none. */
      heldOut?: Evaluation;
      /** The same given titles and genres, if the run learns these. */
      heldOutWithTitles?: Evaluation;
    }>
  /** Evaluation on the held-out poems if `minutes` or `maxSteps` ends training within an epoch. */
  | Readonly<{ type: 'evaluation'; step: number; heldOut: Evaluation }>
  | Readonly<{ type: 'sample'; epoch: number; step: number; text: string; lines: readonly string[] }>
  | Readonly<{ type: 'checkpoint'; step: number; path: string; best: boolean }>
  | Readonly<{ type: 'done'; reason: StopReason; step: number; run: string; seconds: number }>;

/** Why training ended: all epochs are done, `signal` was aborted, or a limit was reached. */
export type StopReason = 'finished' | 'interrupted' | 'minutes' | 'max-steps';
