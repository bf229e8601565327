/**
 * The GPU must produce the same results as the CPU. Reported as skipped without a GPU. `npm run test:gpu` runs only
 * these.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { bucketedBatcher } from '../../lib/data/batcher';
import { weightsOf } from '../../lib/model/checkpoint-format';
import type { Batch, CudaFacts, Device, TrainingConfig } from '../../lib/native/contract';
import { InferenceSession } from '../../lib/native/inference-session';
import { TrainingSession } from '../../lib/native/training-session';
import { Rng } from '../../lib/util/rng';
import { sessionConfig } from '../native/fixture';

const VOCAB = 200;
type OnGpu = Pick<TrainingConfig, 'precision' | 'graph'>;
const FP32: OnGpu = { precision: 'fp32' };

function config(
  device: Device,
  model: Partial<TrainingConfig['model']> = {},
  gpu: OnGpu = FP32,
): TrainingConfig {
  const sizes = { vocabSize: VOCAB, embedDim: 32, hiddenDim: 64, dropout: 0 };
  return { ...sessionConfig, model: { ...sessionConfig.model, ...sizes, ...model }, device, ...gpu };
}

/** Synthetic poems of 10 to 40 characters. */
function batches(count: number): Batch[] {
  const rng = Rng.of(3, 'gpu');
  const poems = Array.from({ length: 500 }, () =>
    Int32Array.from({ length: 10 + rng.below(30) }, () => 3 + rng.below(VOCAB - 3)),
  );
  const batcher = bucketedBatcher(poems, { batch: 32, seed: 1 });
  return Array.from({ length: count }, () => batcher.next());
}

/**
 * Sessions on the CPU and on the GPU with the same weights. The GPU session opens first: libtorch looks for CUDA once.
 */
async function both(
  model: Partial<TrainingConfig['model']>,
  work: (cpu: TrainingSession, gpu: TrainingSession) => Promise<void>,
  gpuConfig?: OnGpu,
) {
  await using gpu = await TrainingSession.open(config('cuda:0', model, gpuConfig));
  await using cpu = await TrainingSession.open(config('cpu', model));
  await cpu.restore(await gpu.snapshot());
  await work(cpu, gpu);
}

const FIND = 'require(process.argv[1]).findCuda().then((facts) => console.log(JSON.stringify(facts)))';
/** Queried in another process, because Jest needs to know which tests to skip before it can await anything. */
const { problem }: CudaFacts = JSON.parse(
  execFileSync(process.execPath, ['-e', FIND, join(__dirname, '../../build/Release/tangshi.node')], {
    encoding: 'utf8',
  }),
);
// Comparisons with the CPU need a GPU; native/test/cuda_train_step_test.cc tests what does not.
const gpuTest: jest.It = problem === undefined ? test : test.skip;
if (problem !== undefined) process.stderr.write(`GPU tests are skipped: ${problem}.\n`);

// Jest reports on a file only when all of its tests are done; if one hangs, this shows which.
const started = performance.now();
beforeEach(() => {
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stderr.write(`${seconds} s: ${expect.getState().currentTestName}\n`);
});

const OPTIONS = { lr: 0.002, clipNorm: 1 };

for (const cell of ['lstm', 'gru', 'rnn'] as const) {
  gpuTest(`${cell}: losses over 200 steps match the CPU within 1e-3`, () =>
    both({ cell }, async (cpu, gpu) => {
      const work = batches(200);
      const [expected, actual] = [await cpu.train(work, OPTIONS), await gpu.train(work, OPTIONS)];
      for (const [i, { loss }] of expected.entries())
        expect(Math.abs((actual[i]?.loss as number) - loss)).toBeLessThan(1e-3);
    }),
  );
}

for (const [precision, tolerance] of [
  ['tf32', 1e-2],
  ['bf16', 5e-2],
  ['fp16', 2e-2],
] as const) {
  gpuTest(`${precision}: losses over 200 steps match the CPU within ${tolerance}`, () =>
    both(
      { hiddenDim: 128 },
      async (cpu, gpu) => {
        const work = batches(200);
        const [expected, actual] = [await cpu.train(work, OPTIONS), await gpu.train(work, OPTIONS)];
        for (const [i, { loss }] of expected.entries())
          expect(Math.abs((actual[i]?.loss as number) - loss)).toBeLessThan(tolerance);
      },
      { precision },
    ),
  );
}

for (const cell of ['lstm', 'gru', 'rnn'] as const) {
  gpuTest(`${cell}: a step run as a CUDA graph gives the same loss as one that is not`, async () => {
    const work = batches(60);
    const losses = async (graph: boolean) => {
      const gpu = { precision: 'fp32', graph } as const;
      await using session = await TrainingSession.open(config('cuda:0', { cell, dropout: 0.3 }, gpu));
      const stats = await session.train(work, OPTIONS);
      expect(stats.some(({ captured }) => captured)).toBe(graph);
      return stats.map(({ loss }) => loss);
    };
    const direct = await losses(false);
    for (const [i, loss] of (await losses(true)).entries())
      expect(Math.abs(loss - (direct[i] as number))).toBeLessThan(1e-3);
  });
}

gpuTest('two sessions train concurrently with the same results as separately', async () => {
  const work = batches(100);
  const alone = await (async () => {
    await using session = await TrainingSession.open(config('cuda:0'));
    return session.train(work, OPTIONS);
  })();
  await using first = await TrainingSession.open(config('cuda:0'));
  await using second = await TrainingSession.open(config('cuda:0'));
  for (const stats of await Promise.all([first.train(work, OPTIONS), second.train(work, OPTIONS)])) {
    for (const [i, { loss }] of stats.entries())
      expect(Math.abs(loss - (alone[i]?.loss as number))).toBeLessThan(1e-3);
  }
});

gpuTest('evaluates like the CPU, and resumes from its state', () =>
  both({}, async (cpu, gpu) => {
    const work = batches(20);
    await gpu.train(work, OPTIONS);
    await cpu.restore(await gpu.snapshot());
    const [expected, actual] = [await cpu.evaluate(work), await gpu.evaluate(work)];
    expect(actual.tokens).toBe(expected.tokens);
    expect(Math.abs(actual.nll / expected.nll - 1)).toBeLessThan(1e-4);
    const [after, there] = [await cpu.train(work, OPTIONS), await gpu.train(work, OPTIONS)];
    expect(Math.abs((there.at(-1)?.loss as number) - (after.at(-1)?.loss as number))).toBeLessThan(1e-3);
  }),
);

gpuTest('greedy decoding gives the same characters as the CPU', async () => {
  const { model } = config('cuda:0');
  await using trained = await TrainingSession.open(config('cuda:0'));
  await trained.train(batches(100), OPTIONS);
  const weights = weightsOf(await trained.snapshot());
  await using gpu = await InferenceSession.open({ model, device: 'cuda:0', threads: 2 }, weights);
  await using cpu = await InferenceSession.open({ model, device: 'cpu', threads: 2 }, weights);
  // Enough sequences that sampling runs on the GPU.
  const prompts = Array.from({ length: 1000 }, (_, i) => Int32Array.of(1, 3 + (i % (VOCAB - 3))));
  const greedy = {
    maxNewTokens: 20,
    endId: 2,
    banned: Int32Array.of(0),
    temperature: 0,
    topK: 0,
    topP: 1,
  };
  const [expected, actual] = [await cpu.generate(prompts, greedy), await gpu.generate(prompts, greedy)];
  const same = actual.filter(({ ids }, i) => String(ids) === String(expected[i]?.ids)).length;
  expect(same).toBeGreaterThan(950); // rounding decides between equally likely characters
});

gpuTest('dropout is reproducible from the same state', async () => {
  await using session = await TrainingSession.open(config('cuda:0', { dropout: 0.3 }));
  const work = batches(5);
  const start = await session.snapshot();
  const first = await session.train(work, OPTIONS);
  await session.restore(start);
  const second = await session.train(work, OPTIONS);
  // cuDNN does not promise bitwise reproducibility.
  for (const [i, { loss }] of second.entries())
    expect(Math.abs(loss - (first[i]?.loss as number))).toBeLessThan(1e-5);
});

gpuTest(
  'running out of memory fails the call with ERR_TANGSHI_OUT_OF_MEMORY, and the session stays usable',
  async () => {
    // 17 GB each; a step needs about a dozen of them.
    await using session = await TrainingSession.open(config('cuda:0', { embedDim: 1024, hiddenDim: 1024 }));
    const [rows, time] = [4096, 1024];
    const ids = new Int32Array(rows * time).fill(1);
    const before = await session.snapshot();
    await expect(session.train([{ inputs: ids, targets: ids, rows, time }], OPTIONS)).rejects.toMatchObject({
      code: 'ERR_TANGSHI_OUT_OF_MEMORY',
    });
    expect(await session.snapshot()).toEqual(before);
    await session.train(batches(1), OPTIONS);
  },
);
