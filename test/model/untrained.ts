import { Model, presetConfig, type RunConfig, TrainingSession, type Vocab } from '../../lib';
import { REJECTIONS } from '../../lib/data/clean';
import type { LineFilter } from '../../lib/data/line-filter';
import { encodeCheckpoint } from '../../lib/model/checkpoint';
import type { Checkpoint } from '../../lib/model/checkpoint-format';
import { modelConfig } from '../../lib/model/network';

/** Small and untrained: it generates noise, but the rules hold. */
const NETWORK = { cell: 'gru', embedDim: 8, hiddenDim: 8, layers: 1, dropout: 0 } as const;

/** A model with random weights. */
export async function untrainedModel(vocab: Vocab, lineFilter?: LineFilter): Promise<Model> {
  return Model.load(await untrainedCheckpoint(vocab, lineFilter), { threads: 1 });
}

/** The bytes of its checkpoint. */
export async function untrainedCheckpoint(
  vocab: Vocab,
  lineFilter?: LineFilter,
  network: Partial<RunConfig> = NETWORK,
): Promise<Uint8Array> {
  const config: RunConfig = { ...presetConfig('default'), ...network };
  await using session = await TrainingSession.open({
    model: modelConfig(config, vocab.size),
    optimizer: config.optimizer,
    device: 'cpu',
    seed: 1n,
    threads: 1,
  });
  const tensors = await session.snapshot();
  return Buffer.concat(encodeCheckpoint({ ...FACTS, config, vocab, tensors, lineFilter }));
}

const FACTS: Pick<Checkpoint, 'corpus' | 'progress'> = {
  corpus: {
    name: 'none',
    fingerprint: 'ab'.repeat(32),
    tally: {
      read: 0,
      kept: 0,
      rejected: Object.fromEntries(REJECTIONS.map((reason) => [reason, 0])) as never,
    },
  },
  progress: {
    step: 0,
    cursor: { epoch: 0, step: 0 },
    epochsEnded: 0,
    epochLoss: 0,
    epochSteps: 0,
    skipped: 0,
    smoothedLoss: null,
    best: null,
    seconds: 0,
  },
};
