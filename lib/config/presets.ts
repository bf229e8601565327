import { availableParallelism } from 'node:os';
import type { RunConfig } from './schemas';

/** A configuration with a name: the original program, the same without its faults, or a larger one. */
export type Preset = RunConfig['preset'];

/** The original program to the letter, its faults included. */
const classic = {
  data: 'poems',
  cleaning: 'classic',
  minCount: 1,
  heldOut: 0,
  cell: 'lstm',
  embedDim: 100,
  hiddenDim: 128,
  layers: 2,
  dropout: 0,
  tieWeights: false,
  reluLogits: true,
  xavierOutput: true,
  optimizer: { kind: 'rmsprop', alpha: 0.99, eps: 1e-8, weightDecay: 0 },
  lr: 0.01,
  schedule: 'constant',
  clipNorm: 1,
  batching: 'classic',
  batch: 100,
  epochs: 30,
  precision: 'tf32',
} as const;

/** The original's network without its faults. */
const standard = {
  ...classic,
  cleaning: 'modern',
  minCount: 2,
  heldOut: 0.05,
  reluLogits: false,
  xavierOutput: false,
  optimizer: { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  lr: 0.004,
  schedule: 'cosine',
  batching: 'bucketed',
  batch: 64,
  epochs: 10,
} as const;

/** What a GPU or a night deserves. */
const large = {
  ...standard,
  embedDim: 512,
  hiddenDim: 512,
  dropout: 0.3,
  tieWeights: true,
  lr: 0.002,
  epochs: 20,
} as const;

const PRESETS = { classic, default: standard, large };

/**
 * The whole configuration of a preset on this machine, with seed 1 and as many threads as there are cores.
 *
 * @example
 * presetConfig('large').hiddenDim; // 512
 */
export function presetConfig(preset: Preset): RunConfig {
  return { preset, ...PRESETS[preset], seed: 1, threads: availableParallelism() };
}
