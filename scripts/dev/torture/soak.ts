import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Batch, TrainingConfig } from '../../../lib/native/contract';
import { TrainingSession } from '../../../lib/native/training-session';
import type { Figures, Torture } from './torture';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CONFIG: TrainingConfig = {
  model: {
    cell: 'lstm',
    vocabSize: 2000,
    embedDim: 64,
    hiddenDim: 64,
    layers: 2,
    dropout: 0.1,
    tieWeights: false,
    reluLogits: false,
    xavierOutput: false,
  },
  optimizer: { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  device: 'cpu',
  seed: 1n,
  threads: 2,
};
/** A step on two of these takes a few milliseconds. */
const SHAPES = [
  [16, 20],
  [32, 24],
  [8, 60],
] as const;
const BATCHES: Batch[] = SHAPES.map(([rows, time]) => {
  const ids = Int32Array.from({ length: rows * time }, (_, i) => 3 + ((i * 7919) % 1990));
  return { inputs: ids, targets: ids, rows, time };
});
const STEP = { lr: 0.001, clipNorm: 1 };
const SESSIONS = 1000;
/** Leaking a tensor per step, or the state of a session, would be far more. */
const MOST_BYTES_A_STEP = 500;
const MOST_BYTES_A_SESSION = 5000;
const MOST_DELAY_MS = 20;

/**
 * A long run: memory must not grow with the number of steps, or of sessions opened and disposed, and the event loop
 * must keep running during training on all cores.
 *
 * @param torture.count Number of steps.
 */
export async function soak({ count, show }: Torture): Promise<Figures> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const samples: [number, number][] = [];
  {
    await using session = await TrainingSession.open(CONFIG);
    await steps(session, Math.ceil(count / 10)); // warm-up
    delay.enable();
    for (let done = 0; done < count; done += 100) {
      show(`${done} of ${count} steps`);
      await steps(session, 100);
      samples.push([done, memory()]);
    }
    delay.disable();
  }
  const perStep = slope(samples);
  if (perStep > MOST_BYTES_A_STEP) throw new Error(`Each step leaks ${Math.round(perStep)} bytes`);
  const p99 = delay.percentile(99) / 1e6 - 1; // in addition to the timer's millisecond
  if (p99 > MOST_DELAY_MS)
    throw new Error(`The 99th percentile of event-loop delays is ${p99.toFixed(1)} ms`);

  const sessions: [number, number][] = [];
  const cycles = Math.min(SESSIONS, count);
  for (let i = 0; i < cycles; i++) {
    if (i % 50 === 0) show(`${i} of ${cycles} sessions`);
    await using session = await TrainingSession.open(CONFIG);
    await session.train(BATCHES.slice(0, 1), STEP);
    if (i >= cycles / 5 && i % 20 === 0) sessions.push([i, memory()]);
  }
  const perSession = slope(sessions);
  if (perSession > MOST_BYTES_A_SESSION)
    throw new Error(`Each session leaks ${Math.round(perSession)} bytes`);
  return {
    steps: count,
    'bytes a step': Math.round(perStep),
    'event loop p99, ms': p99.toFixed(1),
    'event loop at most, ms': (delay.max / 1e6).toFixed(1),
    sessions: cycles,
    'bytes a session': Math.round(perSession),
  };
}

async function steps(session: TrainingSession, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await session.train([BATCHES[i % BATCHES.length] as Batch], STEP);
}

/** Resident memory of the process in bytes, after garbage collection. */
function memory(): number {
  collectGarbage();
  return process.memoryUsage.rss();
}

/** Slope of a least-squares fit. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const covariance = mean(points.map(([px, py]) => (px - x) * (py - y)));
  return covariance / (mean(points.map(([px]) => (px - x) ** 2)) || 1);
}
