import type { Batch, GenerateOptions, TrainingConfig } from '../../lib/native/contract';
import { TrainingSession } from '../../lib/native/training-session';
import { AbortError } from '../../lib/util/errors';
import { Rng } from '../../lib/util/rng';
import { sessionConfig as config } from './fixture';

const batch: Batch = {
  inputs: Int32Array.of(1, 2, 3, 4, 5, 0),
  targets: Int32Array.of(2, 3, 4, 5, 6, -1),
  rows: 2,
  time: 3,
};
const step = { lr: 0.01, clipNorm: 1 };
const sampling: GenerateOptions = {
  maxNewTokens: 20,
  endId: 2,
  banned: new Int32Array(),
  temperature: 1,
  topK: 0,
  topP: 1,
};
/** Enough to run for about a second, one step after the other. */
const longTraining = (): Batch[] => {
  const [rows, time] = [64, 50];
  const ids = new Int32Array(rows * time).fill(1);
  return Array<Batch>(200).fill({ inputs: ids, targets: ids, rows, time });
};

let session: TrainingSession;
beforeEach(async () => {
  session = await TrainingSession.open(config);
});
afterEach(() => session.dispose());

test('a call with several batches, each with its own learning rate, equals as many calls', async () => {
  const other: Batch = { ...batch, inputs: Int32Array.of(6, 5, 4, 3, 2, 1) };
  const together = await session.train([batch, other], { lr: [0.1, 0.01], clipNorm: 1 });
  await using single = await TrainingSession.open(config);
  const apart = [
    ...(await single.train([batch], { lr: 0.1, clipNorm: 1 })),
    ...(await single.train([other], { lr: 0.01, clipNorm: 1 })),
  ];
  expect(together.map(({ loss }) => loss)).toEqual(apart.map(({ loss }) => loss));
  expect(await session.snapshot()).toEqual(await single.snapshot());
  await expect(session.train([batch, other], { lr: [0.1], clipNorm: 1 })).rejects.toMatchObject({
    code: 'ERR_TANGSHI_SHAPE',
  });
  for (const lr of [[0.1, -1], [0.1, Number.NaN], [0.1, '1'], {}] as never[]) {
    await expect(session.train([batch, other], { lr, clipNorm: 1 })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
    });
  }
});

test('trains, evaluates, samples', async () => {
  const before = await session.evaluate([batch]);
  expect(before.tokens).toBe(5);
  const [first, second] = await session.train([batch, batch], step);
  expect(first?.loss).toBeCloseTo(before.nll / 5, 0); // dropout is on in training
  expect(first).toMatchObject({ tokens: 5, loss: expect.any(Number), gradNorm: expect.any(Number) });
  expect(second?.nativeMs).toBeGreaterThan(0);
  for (let i = 0; i < 100; i++) await session.train([batch], step);
  expect((await session.evaluate([batch])).nll).toBeLessThan(before.nll / 4);
  const [sample] = await session.generate([Int32Array.of(1)], {
    ...sampling,
    temperature: 0,
    maxNewTokens: 3,
  });
  expect([...(sample?.ids ?? []), sample?.ended]).toEqual([true]); // 1 -> 2, the end
});

test('inputs are copied before the call returns', async () => {
  const inputs = batch.inputs.slice();
  const other = await TrainingSession.open(config);
  const training = session.train([{ ...batch, inputs }], step);
  inputs.fill(49);
  const [expected] = await other.train([batch], step);
  expect((await training)[0]?.loss).toBe(expected?.loss);
  await other.dispose();
});

test('calls run in order', async () => {
  const done: string[] = [];
  await Promise.all([
    session.train([batch], step).then(() => done.push('train')),
    session.snapshot().then(() => done.push('snapshot')),
    session.generate([Int32Array.of(1)], sampling).then(() => done.push('sample')),
    session.evaluate([batch]).then(() => done.push('evaluate')),
  ]);
  expect(done).toEqual(['train', 'snapshot', 'sample', 'evaluate']);
});

test('500 steps in bf16 learn like 500 in fp32', async () => {
  const rounded = await TrainingSession.open({ ...config, precision: 'bf16' }).catch((error) => error);
  if (rounded instanceof Error) {
    // This processor lacks it; test/e2e/train.test.ts tests when that is so.
    expect(rounded).toMatchObject({
      code: 'ERR_TANGSHI_DEVICE',
      message: expect.stringContaining('AVX512_BF16'),
    });
    return;
  }
  const rng = Rng.of(7, 'bf16');
  const batches = Array.from({ length: 500 }, () => {
    const rows = 8;
    const inputs = Int32Array.from({ length: rows * 12 }, () => rng.below(50));
    return { inputs, targets: inputs.map((id) => (id * 7 + 3) % 50), rows, time: 12 };
  });
  const exact = await TrainingSession.open(config);
  const means = async (session: TrainingSession) => {
    const losses = (await session.train(batches, step)).map(({ loss }) => loss);
    return Array.from(
      { length: 10 },
      (_, i) => losses.slice(i * 50, i * 50 + 50).reduce((a, b) => a + b) / 50,
    );
  };
  const [expected, actual] = [await means(exact), await means(rounded)];
  expect(expected[9]).toBeLessThan((expected[0] as number) / 2);
  expect(actual).not.toEqual(expected);
  for (const [i, mean] of actual.entries())
    expect(Math.abs(mean - (expected[i] as number))).toBeLessThan(1e-2);
  await Promise.all([exact.dispose(), rounded.dispose()]);
});

test('training resumes bitwise identically from a snapshot', async () => {
  await session.train([batch, batch], step);
  const other = await TrainingSession.open({ ...config, seed: 9n });
  await other.restore(await session.snapshot());
  await session.train([batch, batch], step);
  await other.train([batch, batch], step);
  expect(await other.snapshot()).toEqual(await session.snapshot());
  await other.dispose();
});

const wrongConfigs: [string, unknown, string][] = [
  ['nothing', undefined, 'ERR_TANGSHI_INVALID_ARG'],
  ['a number', 5, 'ERR_TANGSHI_INVALID_ARG'],
  ['no model', {}, 'ERR_TANGSHI_INVALID_ARG'],
  ['an unknown cell', { ...config, model: { ...config.model, cell: 'qrnn' } }, 'ERR_TANGSHI_INVALID_ARG'],
  [
    'a fractional number of layers',
    { ...config, model: { ...config.model, layers: 0.5 } },
    'ERR_TANGSHI_INVALID_ARG',
  ],
  ['no vocabulary', { ...config, model: { ...config.model, vocabSize: 0 } }, 'ERR_TANGSHI_INVALID_ARG'],
  ['NaN', { ...config, model: { ...config.model, hiddenDim: Number.NaN } }, 'ERR_TANGSHI_INVALID_ARG'],
  [
    'a model larger than memory',
    { ...config, model: { ...config.model, vocabSize: 2 ** 30, embedDim: 65536 } },
    'ERR_TANGSHI_OUT_OF_MEMORY',
  ],
  [
    'tied weights that do not fit',
    { ...config, model: { ...config.model, tieWeights: true } },
    'ERR_TANGSHI_SHAPE',
  ],
  ['an unknown device', { ...config, device: 'tpu' }, 'ERR_TANGSHI_INVALID_ARG'],
  ['a missing device', { ...config, device: 'cuda:99' }, 'ERR_TANGSHI_DEVICE'],
  ['a seed that is not a bigint', { ...config, seed: 1 }, 'ERR_TANGSHI_INVALID_ARG'],
  ['threads below 1', { ...config, threads: 0 }, 'ERR_TANGSHI_INVALID_ARG'],
  ['an unknown precision', { ...config, precision: 'fp8' }, 'ERR_TANGSHI_INVALID_ARG'],
  ['a precision that the CPU lacks', { ...config, precision: 'fp16' }, 'ERR_TANGSHI_DEVICE'],
  ['graph that is not a boolean', { ...config, graph: 1 }, 'ERR_TANGSHI_INVALID_ARG'],
];
test.each(wrongConfigs)('opening with %s is rejected', async (_, wrong, code) => {
  const error = await TrainingSession.open(wrong as TrainingConfig).catch((reason) => reason);
  expect(error).toMatchObject({ name: 'TangshiError', code, message: expect.stringMatching(/\w/) });
});

const wrongBatches: [string, unknown, string][] = [
  ['no array', batch, 'ERR_TANGSHI_INVALID_ARG'],
  ['no batch', [null], 'ERR_TANGSHI_INVALID_ARG'],
  ['an id out of range', [{ ...batch, inputs: Int32Array.of(1, 2, 3, 4, 50, 0) }], 'ERR_TANGSHI_SHAPE'],
  ['a negative input', [{ ...batch, inputs: batch.targets }], 'ERR_TANGSHI_SHAPE'],
  ['a target below -1', [{ ...batch, targets: Int32Array.of(1, 2, 3, 4, 5, -2) }], 'ERR_TANGSHI_SHAPE'],
  ['fewer ids than rows x time', [{ ...batch, rows: 3 }], 'ERR_TANGSHI_SHAPE'],
  ['too few weights', [{ ...batch, weights: Float32Array.of(1) }], 'ERR_TANGSHI_SHAPE'],
  ['a plain array', [{ ...batch, inputs: [...batch.inputs] }], 'ERR_TANGSHI_INVALID_ARG'],
  ['another typed array', [{ ...batch, inputs: new Uint32Array(6) }], 'ERR_TANGSHI_INVALID_ARG'],
  ['a detached buffer', [{ ...batch, inputs: detached() }], 'ERR_TANGSHI_SHAPE'],
  [
    'no rows',
    [{ inputs: new Int32Array(), targets: new Int32Array(), rows: 0, time: 0 }],
    'ERR_TANGSHI_INVALID_ARG',
  ],
];
function detached(): Int32Array {
  const array = new Int32Array(6);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}
test.each(wrongBatches)('a batch with %s is rejected and changes nothing', async (_, wrong, code) => {
  const before = await session.snapshot();
  await expect(session.train(wrong as Batch[], step)).rejects.toMatchObject({ code });
  await expect(session.evaluate(wrong as Batch[])).rejects.toMatchObject({ code });
  expect(await session.snapshot()).toEqual(before);
});

test('the promise rejects with what a getter throws', async () => {
  const trap = {
    get rows(): number {
      throw new Error('no rows today');
    },
  };
  await expect(session.train([trap as Batch], step)).rejects.toMatchObject({ message: 'no rows today' });
});

test('a getter that disposes the session leaves no promise unsettled', async () => {
  const trap = {
    ...batch,
    get weights(): undefined {
      void session.dispose();
      return undefined;
    },
  };
  await expect(session.train([trap], step)).rejects.toMatchObject({ code: 'ERR_TANGSHI_DISPOSED' });
  await session.dispose();
});

test('an aborted training call resolves with the steps completed', async () => {
  const controller = new AbortController();
  const training = session.train(longTraining(), step, { signal: controller.signal });
  setImmediate(() => controller.abort());
  const done = await training;
  expect(done.length).toBeLessThan(200);
  expect(await session.train([batch], step, { signal: AbortSignal.abort() })).toEqual([]);
});

test('an aborted evaluation or sampling call rejects', async () => {
  const aborted = { signal: AbortSignal.abort() };
  await expect(session.evaluate([batch], aborted)).rejects.toBeInstanceOf(AbortError);
  await expect(session.generate([Int32Array.of(1)], sampling, aborted)).rejects.toBeInstanceOf(AbortError);
});

test('disposing ends the calls in progress and rejects later ones', async () => {
  const training = session.train(longTraining(), step);
  const disposed = Promise.all([session.dispose(), session.dispose()]);
  expect((await training).length).toBeLessThan(200);
  await disposed;
  await session.dispose();
  await expect(session.train([batch], step)).rejects.toMatchObject({ code: 'ERR_TANGSHI_DISPOSED' });
  await expect(session.snapshot()).rejects.toMatchObject({ code: 'ERR_TANGSHI_DISPOSED' });
});
