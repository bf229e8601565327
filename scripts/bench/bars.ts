import type { Contest, Row } from './contest';
import type { Memory } from './memory';
import type { Sampling } from './sampling';
import type { Training } from './training';

/** What this library is meant to reach. A figure that was not measured, for want of a peer, has no numbers. */
export type Bar = Readonly<{
  figure: string;
  ours?: number;
  /** Of the best peer named, or the floor. */
  peer?: number;
  ratio?: number;
  /** The ratio must be at least this, or at most. */
  bar: number;
  atMost?: boolean;
  met?: boolean;
}>;

type Sections = Readonly<{ training?: Training; sampling?: Sampling; memory?: Memory }>;
type Numbers = Readonly<{ ours: number; peer: number; ratio: number }> | undefined;

/** Of the sections that were run. */
export function bars({ training, sampling, memory }: Sections): Bar[] {
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
  if (memory)
    all.push(judged({ figure: 'memory / pytorch batched', ...memoryRatio(memory), bar: 0.8, atMost: true }));
  return all;
}

function judged(bar: Bar): Bar {
  if (bar.ratio === undefined) return bar;
  return { ...bar, met: bar.atMost ? bar.ratio <= bar.bar : bar.ratio >= bar.bar };
}

/** The fastest of the peers whose names begin so. */
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
function memoryRatio([own, peer]: Memory): Numbers {
  if (!own || !peer) return undefined;
  return { ours: own.peakBytes / 1e6, peer: peer.peakBytes / 1e6, ratio: own.peakBytes / peer.peakBytes };
}
