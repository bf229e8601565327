/**
 * What a GPU must do as the CPU does it: skipped, by name, where there is none. `npm run test:gpu` runs these alone.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { bucketedBatcher } from '../../lib/batcher';
import type { Batch, CudaFacts, Device, SessionConfig } from '../../lib/native';
import { Rng } from '../../lib/rng';
import { Session } from '../../lib/session';
import { sessionConfig } from '../native/fixture';

const VOCAB = 200;
const config = (device: Device, model: Partial<SessionConfig['model']> = {}): SessionConfig => ({
  ...sessionConfig,
  model: { ...sessionConfig.model, vocabSize: VOCAB, embedDim: 32, hiddenDim: 64, dropout: 0, ...model },
  device,
});

/** Made-up poems of 10 to 40 characters. */
function batches(count: number): Batch[] {
  const rng = Rng.of(3, 'gpu');
  const poems = Array.from({ length: 500 }, () =>
    Int32Array.from({ length: 10 + rng.below(30) }, () => 3 + rng.below(VOCAB - 3)),
  );
  const batcher = bucketedBatcher(poems, { batch: 32, seed: 1 });
  return Array.from({ length: count }, () => batcher.next());
}

/** Sessions on the CPU and on the GPU with the same weights. The GPU's first: libtorch looks for CUDA once. */
async function both(
  model: Partial<SessionConfig['model']>,
  work: (cpu: Session, gpu: Session) => Promise<void>,
) {
  await using gpu = await Session.open(config('cuda:0', model));
  await using cpu = await Session.open(config('cpu', model));
  await cpu.restore(await gpu.snapshot());
  await work(cpu, gpu);
}

const FIND = 'require(process.argv[1]).findCuda().then((facts) => console.log(JSON.stringify(facts)))';
/** Asked in another process: tests are named, and skipped, before anything can be waited for. */
const { problem }: CudaFacts = JSON.parse(
  execFileSync(process.execPath, ['-e', FIND, join(__dirname, '../../build/Release/tangshi.node')], {
    encoding: 'utf8',
  }),
);
// Without a GPU there is nothing to compare with the CPU; what needs none is tested in native/test/step_queue_test.cc.
const gpuTest: jest.It = problem === undefined ? test : test.skip;
if (problem !== undefined) process.stderr.write(`The tests on a GPU are skipped: ${problem}.\n`);

const OPTIONS = { lr: 0.002, clipNorm: 1 };

for (const cell of ['lstm', 'gru', 'rnn'] as const) {
  gpuTest(`${cell}: the losses of 200 steps are the CPU's within 1e-3`, () =>
    both({ cell }, async (cpu, gpu) => {
      const work = batches(200);
      const [expected, actual] = [await cpu.train(work, OPTIONS), await gpu.train(work, OPTIONS)];
      for (const [i, { loss }] of expected.entries())
        expect(Math.abs((actual[i]?.loss as number) - loss)).toBeLessThan(1e-3);
    }),
  );
}

gpuTest('evaluates as the CPU does, and goes on from its state', () =>
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

gpuTest('the likeliest characters are those of the CPU', () =>
  both({}, async (cpu, gpu) => {
    await gpu.train(batches(100), OPTIONS);
    await cpu.restore(await gpu.snapshot());
    const prompts = [3, 4, 5, 6].map((id) => Int32Array.of(1, id));
    const greedy = {
      maxNewTokens: 20,
      endId: 2,
      banned: Int32Array.of(0),
      temperature: 0,
      topK: 0,
      topP: 1,
      seed: 1n,
    };
    expect(await gpu.sample(prompts, greedy)).toEqual(await cpu.sample(prompts, greedy));
  }),
);

gpuTest('dropout is drawn again from the same state', async () => {
  await using session = await Session.open(config('cuda:0', { dropout: 0.3 }));
  const work = batches(5);
  const start = await session.snapshot();
  const first = await session.train(work, OPTIONS);
  await session.restore(start);
  const second = await session.train(work, OPTIONS);
  expect(second.map(({ loss }) => loss)).toEqual(first.map(({ loss }) => loss));
});

gpuTest('too little memory fails the call with EOOM, and the session lives', async () => {
  await using session = await Session.open(config('cuda:0', { vocabSize: 100_000 }));
  const [rows, time] = [4096, 1024];
  const ids = new Int32Array(rows * time).fill(1);
  const before = await session.snapshot();
  await expect(session.train([{ inputs: ids, targets: ids, rows, time }], OPTIONS)).rejects.toMatchObject({
    code: 'EOOM',
  });
  expect(await session.snapshot()).toEqual(before);
  await session.train(batches(1), OPTIONS);
});
