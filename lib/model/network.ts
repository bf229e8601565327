import type { RunConfig } from '../config/schemas';
import type { ModelConfig } from '../native/contract';
import { requireObject } from '../util/guards';

/** The part of a configuration that describes the network. @throws ERR_TANGSHI_INVALID_ARG */
export function modelConfig(config: RunConfig, vocabSize: number): ModelConfig {
  requireObject(config, 'config');
  const { cell, embedDim, hiddenDim, layers, dropout, tieWeights, reluLogits, xavierOutput } = config;
  return { cell, vocabSize, embedDim, hiddenDim, layers, dropout, tieWeights, reluLogits, xavierOutput };
}

/** Number of weights; a tied weight counts once. */
export function countParameters(model: ModelConfig): number {
  const { cell, vocabSize, embedDim, hiddenDim, layers, tieWeights } = model;
  const gates = { lstm: 4, gru: 3, rnn: 1 }[cell];
  const layer = (inputDim: number) => gates * hiddenDim * (inputDim + hiddenDim + 2);
  const cells = layer(embedDim) + (layers - 1) * layer(hiddenDim);
  return vocabSize * embedDim + cells + vocabSize * (tieWeights ? 1 : hiddenDim + 1);
}
