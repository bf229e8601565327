import { presetConfig } from '../../../lib/config/presets';
import type { RunConfig } from '../../../lib/config/schemas';
import { bucketedBatcher, classicBatcher } from '../../../lib/data/batcher';
import { type Dataset, loadDataset } from '../../../lib/data/dataset';
import type { Vocab } from '../../../lib/data/vocab';
import { evaluateSession } from '../../../lib/eval/perplexity';
import { printClassic } from '../../../lib/model/classic';
import { DraftQueue, type GenerateSequences } from '../../../lib/model/draft-queue';
import { generatePoems } from '../../../lib/model/generate';
import { modelConfig } from '../../../lib/model/network';
import { prepareRequest } from '../../../lib/model/poem-request';
import type { Device } from '../../../lib/native/contract';
import { TrainingSession } from '../../../lib/native/training-session';
import { learningRate } from '../../../lib/train/schedule';

/** One of the networks compared. */
export type Variant = Readonly<{
  cell: RunConfig['cell'];
  data: 'poems' | 'tangshi';
  device: Device;
  /** With the original program's faults (preset classic), or without (preset default). */
  faults: boolean;
}>;

export type Outcome = Variant &
  Readonly<{
    /** NLL of held-out poems, in nats per character, after this number of seconds of training. */
    curve: readonly Readonly<{ seconds: number; nll: number }>[];
    tokensPerSecond: number;
    steps: number;
    /** The report's prompts for which the original program prints nothing; and how many characters it prints on average. */
    silent: readonly string[];
    meanLength: number;
    poems: readonly string[];
  }>;

/** The report's prompts. */
const BEGINNINGS = [...'湖日红山夜君海月'];
const LOOKS = 12;
/** Number of held-out poems per evaluation: enough for a reliable value. */
const LOOKED_AT = 300;
const POEMS = ['湖', '山', '夜'];
/** Number of steps of the schedule, which follows the elapsed part of the time budget. */
const PARTS = 1e6;

/** Trains for this number of seconds, not counting evaluations. */
export async function trial(
  variant: Variant,
  seconds: number,
  show: (text: string) => void,
): Promise<Outcome> {
  const config = configOf(variant);
  const dataset = await loadDataset(config);
  const session = await TrainingSession.open({
    model: modelConfig(config, dataset.vocab.size),
    optimizer: config.optimizer,
    device: variant.device,
    seed: BigInt(config.seed),
    threads: config.threads,
  });
  const generate: GenerateSequences = (...call) => session.generate(...call);
  try {
    const { curve, tokens, steps, spent } = await train(session, config, dataset, seconds, show);
    return {
      ...variant,
      curve,
      steps,
      tokensPerSecond: tokens / spent,
      ...(await endings(generate, dataset.vocab)),
      poems: await poemsOf(new DraftQueue(generate), dataset.vocab),
    };
  } finally {
    await session.dispose();
  }
}

function configOf({ cell, data, faults }: Variant): RunConfig {
  // The original program held nothing out; here all do, to be comparable.
  return { ...presetConfig(faults ? 'classic' : 'default'), cell, data, heldOut: 0.05 };
}

async function train(
  session: TrainingSession,
  config: RunConfig,
  { train: poems, heldOut }: Dataset,
  seconds: number,
  show: (text: string) => void,
) {
  const batcher =
    config.batching === 'classic' ? classicBatcher(poems, config.batch) : bucketedBatcher(poems, config);
  const looked = heldOut.slice(0, LOOKED_AT);
  const curve: { seconds: number; nll: number }[] = [];
  let [spent, tokens, steps] = [0, 0, 0];
  const look = async () => {
    const { nll } = await evaluateSession(session, looked);
    curve.push({ seconds: spent, nll });
    show(`${spent.toFixed(0)} of ${seconds} s, held-out nll ${nll.toFixed(3)}`);
  };
  await look();
  while (spent < seconds) {
    const lr = learningRate(config, Math.floor((spent / seconds) * PARTS), PARTS);
    const started = performance.now();
    const [stats] = await session.train([batcher.next()], { lr, clipNorm: config.clipNorm });
    spent += (performance.now() - started) / 1000;
    tokens += stats?.tokens ?? 0;
    steps++;
    if (spent >= (curve.length * seconds) / LOOKS) await look();
  }
  return { curve, tokens, steps, spent };
}

async function endings(generate: GenerateSequences, vocab: Vocab) {
  const known = BEGINNINGS.filter((char) => vocab.has(char));
  const silent: string[] = [];
  let length = 0;
  for (const char of known) {
    const printed = await printClassic(generate, vocab, char);
    if (printed.length === 0) silent.push(char);
    length += [...printed.join('')].length;
  }
  return { silent, meanLength: length / Math.max(1, known.length) };
}

async function poemsOf(queue: DraftQueue, vocab: Vocab): Promise<string[]> {
  const texts: string[] = [];
  for (const [seed, prompt] of POEMS.entries()) {
    if (!vocab.has(prompt)) continue;
    const request = prepareRequest({ vocab }, { prompt, seed: seed + 1 });
    for (const { text } of await generatePoems(queue, request, 1, {})) texts.push(text);
  }
  return texts;
}
