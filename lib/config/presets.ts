import { usableCpus } from '../util/cpus';
import { TangshiError } from '../util/errors';
import { PRESET_NAMES, type RunConfig } from './schemas';

/** A named configuration: the original program, the same network without its mistakes, or a larger network. */
export type Preset = (typeof PRESET_NAMES)[number];

/** Whether a value is the name of a preset. */
export function isPreset(value: unknown): value is Preset {
  return (PRESET_NAMES as readonly unknown[]).includes(value);
}

/** The original program, including its mistakes. */
const classic = {
  data: 'poems',
  cleaning: 'classic',
  minCount: 1,
  heldOut: 0,
  titles: false,
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

/** The original network without the mistakes. */
const standard = {
  ...classic,
  cleaning: 'modern',
  minCount: 2,
  heldOut: 0.05,
  titles: true,
  reluLogits: false,
  xavierOutput: false,
  optimizer: { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  lr: 0.004,
  schedule: 'cosine',
  batching: 'bucketed',
  batch: 64,
  epochs: 10,
} as const;

/** For a GPU, or overnight on a CPU. */
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
 * The complete configuration of a preset, with seed 1 and one thread per CPU core of this machine.
 *
 * @example
 * presetConfig('large').hiddenDim; // 512
 */
export function presetConfig(preset: Preset): RunConfig {
  if (!isPreset(preset)) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Unknown preset ${JSON.stringify(preset) ?? String(preset)}. Choose ${Object.keys(PRESETS).join(', ')}.`,
      { option: 'preset' },
    );
  }
  return { preset, ...PRESETS[preset], seed: 1, threads: usableCpus() };
}
