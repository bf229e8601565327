import type { TrainingConfig } from '../../lib/native/contract';

/** A session that opens at once. */
export const sessionConfig = {
  model: {
    cell: 'lstm',
    vocabSize: 50,
    embedDim: 8,
    hiddenDim: 16,
    layers: 2,
    dropout: 0.1,
    tieWeights: false,
    reluLogits: false,
    xavierOutput: false,
  },
  optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
  device: 'cpu',
  seed: 1n,
  threads: 1,
} satisfies TrainingConfig;
