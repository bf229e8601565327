import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Batch, Model } from '../../lib';
import { TrainingSession } from '../../lib/native/training-session';
import { sessionConfig } from './fixture';

// Whatever else the machine does at that moment is no fault of the session's.
jest.retryTimes(3);

test('beside training on all cores the event loop is less than 20 ms late, 99 times in 100', async () => {
  const ids = Int32Array.from({ length: 64 * 40 }, (_, i) => i % 50);
  const batch: Batch = { inputs: ids, targets: ids, rows: 64, time: 40 };
  const model = { ...sessionConfig.model, hiddenDim: 128 };
  await using session = await TrainingSession.open({
    ...sessionConfig,
    model,
    threads: availableParallelism(),
  });
  await session.train([batch], { lr: 0.01, clipNorm: 1 });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const stop = AbortSignal.timeout(1500);
  const done = await session.train(Array(5000).fill(batch), { lr: 0.01, clipNorm: 1 }, { signal: stop });
  delay.disable();
  expect(done.length).toBeGreaterThan(20);
  expect(delay.count).toBeGreaterThan(200);
  expect(delay.percentile(99) / 1e6).toBeLessThan(20);
});

test('while a poem of a thousand drafts is generated, the event loop is less than 50 ms late', async () => {
  await using model = await Model.load();
  await model.generate({ form: '五绝', seed: 1 });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await model.generate({ form: '8x7', bestOf: 1000, seed: 1 });
  delay.disable();
  expect(delay.count).toBeGreaterThan(100);
  expect(delay.max / 1e6).toBeLessThan(50);
});
