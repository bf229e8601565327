import { availableParallelism } from 'node:os';
import { type Batch, Model } from '../../lib';
import { TrainingSession } from '../../lib/native/training-session';
import { sessionConfig } from './fixture';

/**
 * Counts event-loop iterations during `work`, and measures the longest as a fraction of the total time.
 * Neither depends on the speed or load of the machine.
 */
async function whileDoing(work: () => Promise<unknown>): Promise<{ turns: number; longest: number }> {
  const start = performance.now();
  let [turns, last, longest, doing] = [0, start, 0, true];
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    turns++;
    if (doing) setTimeout(turn); // after 1 ms, which leaves the CPU to other threads
  };
  setTimeout(turn);
  await work();
  doing = false;
  const now = performance.now();
  return { turns, longest: Math.max(longest, now - last) / (now - start) };
}

test('the event loop keeps running during training on all cores', async () => {
  const ids = Int32Array.from({ length: 64 * 40 }, (_, i) => i % 50);
  const batch: Batch = { inputs: ids, targets: ids, rows: 64, time: 40 };
  const model = { ...sessionConfig.model, hiddenDim: 256 };
  await using session = await TrainingSession.open({
    ...sessionConfig,
    model,
    threads: availableParallelism(),
  });
  const step = { lr: 0.01, clipNorm: 1 };
  await session.train([batch], step);
  const steps = 10;
  const { turns, longest } = await whileDoing(() => session.train(Array(steps).fill(batch), step));
  expect(turns).toBeGreaterThan(2 * steps); // more than if each step blocked it
  expect(longest).toBeLessThan(0.25);
});

test('the event loop keeps running while a poem with a thousand drafts is generated', async () => {
  await using model = await Model.load();
  await model.generate({ form: '五绝', seed: 1 });
  const { turns, longest } = await whileDoing(() => model.generate({ form: '8x7', bestOf: 1000, seed: 1 }));
  expect(turns).toBeGreaterThan(20);
  expect(longest).toBeLessThan(0.25);
});
