import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { RunConfig } from '../config/schemas';
import type { LineSet } from '../data/line-filter';
import type { Vocab } from '../data/vocab';
import type { ModelConfig } from '../native/contract';
import { type DeviceRequest, resolveDevice, Session } from '../native/session';
import { newestRun, runFiles } from '../train/run-folder';
import { TangshiError } from '../util/errors';
import { ROOT } from '../util/package-root';
import { readCheckpoint, weightsOf } from './checkpoint';

/** Comes with the package; models/README.md is its card. */
export const IN_THE_BOX = join(ROOT, 'models', 'tangshi.safetensors');

/** A trained model, ready to write. */
export type Model = Readonly<{
  /** Where its work is done. */
  session: Session;
  /** Whose characters it knows. */
  vocab: Vocab;
  /** Of the poems that it learned from; drafts are held against them. Absent in older checkpoints. */
  lines?: LineSet;
  /** Of its training. */
  config: RunConfig;
  /** The checkpoint it came from. */
  path: string;
  /** Frees it. May be called again. */
  dispose(): Promise<void>;
  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}>;

/**
 * Loads a model from a checkpoint, or from the best one of a run folder.
 *
 * @param path A `.safetensors` checkpoint or a run folder; default: the run under `runs/` that came last to an
 * epoch's end, or else to a save, or else the model in the box.
 * @param options `device`: default the CPU, which is quick to start and holds its own for a few poems. `threads`: CPU
 * threads, default all cores.
 * @throws ENOMODEL when there is none. ECHECKPOINT when it is damaged. EDEVICE. EADDON when the addon is not built.
 * @example
 * const model = await loadModel('runs/poems');
 * const [poem] = await generatePoems(model, { prompt: '湖' });
 * await model.dispose();
 */
export async function loadModel(
  path?: string,
  { device = 'cpu', threads = availableParallelism() }: { device?: DeviceRequest; threads?: number } = {},
): Promise<Model> {
  const file = await findCheckpoint(path);
  const { config, vocab, lines, tensors } = await readCheckpoint(file);
  const session = await Session.open({
    model: modelConfig(config, vocab.size),
    optimizer: config.optimizer,
    device: await resolveDevice(device),
    seed: 0n,
    threads,
  });
  try {
    await session.restore(weightsOf(tensors));
  } catch (error) {
    await session.dispose();
    throw new TangshiError(
      'ECHECKPOINT',
      `${file} does not fit its own configuration: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  const dispose = () => session.dispose();
  return {
    session,
    vocab,
    ...(lines && { lines }),
    config,
    path: file,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** The network's part of a configuration. */
export function modelConfig(config: RunConfig, vocabSize: number): ModelConfig {
  const { cell, embedDim, hiddenDim, layers, dropout, tieWeights, reluLogits, xavierOutput } = config;
  return { cell, vocabSize, embedDim, hiddenDim, layers, dropout, tieWeights, reluLogits, xavierOutput };
}

/** Weights of a network, a tied one counted once. */
export function countParameters(model: ModelConfig): number {
  const { cell, vocabSize, embedDim, hiddenDim, layers, tieWeights } = model;
  const gates = { lstm: 4, gru: 3, rnn: 1 }[cell];
  const layer = (inputDim: number) => gates * hiddenDim * (inputDim + hiddenDim + 2);
  const cells = layer(embedDim) + (layers - 1) * layer(hiddenDim);
  return vocabSize * embedDim + cells + vocabSize * (tieWeights ? 1 : hiddenDim + 1);
}

/**
 * The file of a model, named as for `loadModel`.
 *
 * @throws ENOMODEL
 */
export async function findCheckpoint(path?: string): Promise<string> {
  if (path !== undefined && typeof path !== 'string')
    throw new TangshiError('EARG', 'Expected a string for the path of a model');
  const place = path ?? (await newestRun(['best'])) ?? (await newestRun(['last'])) ?? IN_THE_BOX;
  if (!(await exists(place))) throw new TangshiError('ENOMODEL', `There is no model at ${place}`);
  if (!(await stat(place)).isDirectory()) return place;
  const { best, last } = runFiles(place);
  for (const file of [best, last]) if (await exists(file)) return file;
  throw new TangshiError(
    'ENOMODEL',
    `${place} is no run folder, or its training has not come to its first save`,
  );
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
