import type { Contest, Row } from './contest';
import type { Gpu } from './gpu';
import type { Memory } from './memory';
import type { Networks } from './networks';
import type { Precision } from './precision';
import type { Sampling } from './sampling';
import type { Training } from './training';

/** A performance target. Without numbers if it was not measured, for lack of a peer. */
export type Bar = Readonly<{
  figure: string;
  ours?: number;
  /** Figure of the best peer with this name, or of the floor. */
  peer?: number;
  ratio?: number;
  /** Minimum of the ratio, or its maximum with `atMost`. */
  bar: number;
  atMost?: boolean;
  met?: boolean;
}>;

type Sections = Readonly<{
  training?: Training;
  networks?: Networks;
  precision?: Precision;
  sampling?: Sampling;
  memory?: Memory;
  gpu?: Gpu;
}>;
type Numbers = Readonly<{ ours: number; peer: number; ratio: number }> | undefined;

/** The targets of the sections that were run. */
export function bars({ training, networks, precision, sampling, memory, gpu }: Sections): Bar[] {
  const all: Bar[] = [];
  const add = (figure: string, numbers: Numbers, bar: number) =>
    all.push(judged({ figure, ...numbers, bar }));
  if (training) {
    const { seedSize, disturbed, hidden512 } = training;
    add('training / one poem at a time', against(seedSize, 'pytorch seed'), 3.5);
    add('training / pytorch batched', against(seedSize, 'pytorch batched'), 2.2);
    add('training / pytorch tuned', against(seedSize, 'pytorch tuned'), 1.2);
    add('training / floor', ofFloor(seedSize), 0.55);
    add('disturbed / pytorch batched', against(disturbed, 'pytorch batched'), 2.5);
    add('hidden 512 / floor', ofFloor(hidden512), 0.6);
  }
  for (const contest of networks?.contests ?? []) {
    const bar = contest.title.includes('1024') ? 1.15 : 1.5;
    add(`${contest.title} / pytorch tuned`, against(contest, 'pytorch tuned'), bar);
  }
  if (precision) {
    const { contests, lossDifference } = precision;
    for (const contest of contests.filter(({ title }) => title.endsWith('512')))
      add(`${contest.title} / fp32`, against(contest, 'ours in fp32'), 1.5);
    const figure = 'bf16, means of 50 losses - fp32, in nats';
    all.push(judged({ figure, ratio: lossDifference, bar: 1e-2, atMost: true }));
  }
  if (sampling) {
    const { oneByOne, oneByOne512, together } = sampling;
    add('sampling one at a time / pytorch', against(oneByOne, 'pytorch ('), 9);
    add('sampling one at a time / onnxruntime', against(oneByOne, 'onnxruntime ('), 2.5);
    add(
      'sampling one at a time, hidden 512 / onnxruntime (2 threads)',
      against(oneByOne512, 'onnxruntime (2'),
      1.3,
    );
    add('sampling 64 together / pytorch', against(together, 'pytorch ('), 2.5);
  }
  for (const { hidden, rows } of memory ?? []) {
    const figure = `memory, hidden ${hidden} / pytorch batched`;
    all.push(judged({ figure, ...memoryRatio(rows), bar: 0.8, atMost: true }));
  }
  if (gpu) all.push(...gpuBars(gpu));
  return all;
}

/** Target for a GPU with batches of 512, in tokens per second. */
const LARGE_BATCH_RATE = 8e6;

function gpuBars({ seedSize, batch512, hidden1024, lossDifference, idle }: Gpu): Bar[] {
  const add = (figure: string, numbers: Numbers, bar: number) => judged({ figure, ...numbers, bar });
  const most = (figure: string, ratio: number, bar: number) => judged({ figure, ratio, bar, atMost: true });
  const rate = (batch512.rows[0] as Row).median;
  const against8M = { ours: rate, peer: LARGE_BATCH_RATE, ratio: rate / LARGE_BATCH_RATE };
  return [
    add('GPU, batch 64 / pytorch eager', against(seedSize, 'pytorch eager'), 2.5),
    add('GPU, batch 64 / pytorch graph', against(seedSize, 'pytorch graph'), 1),
    add('GPU, batch 512 / pytorch eager', against(batch512, 'pytorch eager'), 1.5),
    add('GPU, batch 512 / 8M tokens/s', against8M, 1),
    add('GPU, hidden 1024, bf16 / pytorch eager', against(hidden1024.bf16, 'pytorch eager'), 1.3),
    add('GPU, hidden 1024, fp16 / pytorch eager', against(hidden1024.fp16, 'pytorch eager'), 1.3),
    most('GPU, losses of 200 steps - CPU, in nats', lossDifference, 1e-3),
    most('GPU, idle share of a step', idle, 0.1),
  ];
}

function judged(bar: Bar): Bar {
  if (bar.ratio === undefined) return bar;
  return { ...bar, met: bar.atMost ? bar.ratio <= bar.bar : bar.ratio >= bar.bar };
}

/** Compares with the fastest peer whose name has this prefix. */
function against({ rows }: Contest, peer: string): Numbers {
  const [own] = rows;
  const [best] = rows
    .slice(1)
    .filter(({ name }) => name.startsWith(peer))
    .sort((a, b) => a.ratio - b.ratio);
  return own && best && { ours: own.median, peer: best.median, ratio: best.ratio };
}

function ofFloor({ rows, floor = Number.NaN }: Contest): Numbers {
  const { median, share = Number.NaN } = rows[0] as Row;
  return { ours: median, peer: floor, ratio: share };
}

/** In MB. */
function memoryRatio([own, peer]: Memory[number]['rows']): Numbers {
  if (!own || !peer) return undefined;
  return { ours: own.peakBytes / 1e6, peer: peer.peakBytes / 1e6, ratio: own.peakBytes / peer.peakBytes };
}
