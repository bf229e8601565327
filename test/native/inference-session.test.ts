import { weightsOf } from '../../lib/model/checkpoint-format';
import { toHalf } from '../../lib/model/float16';
import type {
  GenerateOptions,
  InferenceConfig,
  LogitConstraint,
  TensorData,
  TensorMap,
} from '../../lib/native/contract';
import { InferenceSession } from '../../lib/native/inference-session';
import { TrainingSession } from '../../lib/native/training-session';
import { AbortError } from '../../lib/util/errors';
import { sessionConfig } from './fixture';

const { model } = sessionConfig;
const config: InferenceConfig = { model, device: 'cpu', threads: 2 };
const sampling: GenerateOptions = {
  maxNewTokens: 20,
  endId: 2,
  banned: Int32Array.of(2),
  temperature: 1,
  topK: 0,
  topP: 1,
};
const PROMPT = Int32Array.of(1);

let weights: TensorMap;
let session: InferenceSession;
beforeAll(async () => {
  await using trained = await TrainingSession.open(sessionConfig);
  weights = weightsOf(await trained.snapshot());
});
beforeEach(async () => {
  session = await InferenceSession.open(config, weights);
});
afterEach(() => session.dispose());

/** The weights with one tensor changed. */
function changed(name: string, change: Partial<TensorData> | undefined): TensorMap {
  const { [name]: tensor, ...others } = weights;
  return change === undefined ? others : { ...others, [name]: { ...(tensor as TensorData), ...change } };
}

test('generates the same as a training session', async () => {
  await using trained = await TrainingSession.open(sessionConfig);
  const seeds = BigUint64Array.of(3n, 3n, 2n ** 63n);
  const options = { ...sampling, seeds, streams: Uint32Array.of(0, 1, 0) };
  const prompts = [PROMPT, PROMPT, PROMPT];
  const samples = await session.generate(prompts, options);
  expect(samples).toEqual(await trained.generate(prompts, options));
  expect(new Set(samples.map(({ ids }) => String(ids))).size).toBe(3);
  const [again] = await session.generate([PROMPT], {
    ...options,
    seeds: seeds.slice(2),
    streams: Uint32Array.of(0),
  });
  expect(again).toEqual(samples[2]);
});

test('no sequence ends before minNewTokens', async () => {
  const options = { ...sampling, banned: new Int32Array(), temperature: 2 };
  const shortest = async (minNewTokens: number) => {
    const samples = await session.generate(Array<Int32Array>(300).fill(PROMPT), { ...options, minNewTokens });
    return Math.min(...samples.map(({ ids }) => ids.length));
  };
  expect(await shortest(0)).toBeLessThan(3);
  expect(await shortest(7)).toBe(7);
});

test('seeds default to 0, streams to the index of the prompt', async () => {
  const defaults = await session.generate([PROMPT, PROMPT], sampling);
  const explicit = { seeds: BigUint64Array.of(0n, 0n), streams: Uint32Array.of(0, 1) };
  expect(defaults).toEqual(await session.generate([PROMPT, PROMPT], { ...sampling, ...explicit }));
});

test('the number of threads does not change the result', async () => {
  await using single = await InferenceSession.open({ ...config, threads: 1 }, weights);
  await using many = await InferenceSession.open({ ...config, threads: 16 }, weights);
  const prompts = Array<Int32Array>(200).fill(PROMPT);
  const expected = await single.generate(prompts, sampling);
  expect(await session.generate(prompts, sampling)).toEqual(expected);
  expect(await many.generate(prompts, sampling)).toEqual(expected);
});

test('scores are the log-probabilities of the ids, and of the next ids', async () => {
  const ids = Int32Array.of(1, 7, 30, 4);
  const [scores, single] = await session.score([ids, Int32Array.of(5)]);
  expect(scores).toHaveLength(3);
  expect(single).toHaveLength(0);
  for (const [i, logProb] of (scores as Float32Array).entries()) {
    const next = await session.next(ids.subarray(0, i + 1));
    expect(next).toHaveLength(model.vocabSize);
    expect(next[ids[i + 1] as number]).toBe(logProb);
    expect(next.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
  }
  const constraint = only(ids.subarray(1));
  const [sample] = await session.generate([PROMPT], { ...sampling, constraint });
  expect(String(sample?.ids)).toBe(String(ids.subarray(1)));
  expect(sample?.logProb).toBeCloseTo(
    (scores as Float32Array).reduce((a, b) => a + b, 0),
    4,
  );
});

/** A constraint that allows exactly these ids, one at each position. */
function only(ids: Int32Array): LogitConstraint {
  const masks = new Uint8Array(ids.length * model.vocabSize);
  for (const [i, id] of ids.entries()) masks[i * model.vocabSize + id] = 1;
  const plan = Int32Array.from([...ids].flatMap((_, i) => [i, -1, 0, -1]));
  return { masks, groups: new Uint32Array(model.vocabSize), allowedGroups: Uint32Array.of(0), plans: [plan] };
}

/** Mask, rhyme, table and repeated position of each position. */
function planOf(...positions: [mask: number, rhyme: number, table: number, repeated: number][]): Int32Array {
  return Int32Array.from(positions.flat());
}

test('a constraint may have more than 32 rhyme groups and several rhymes', async () => {
  const words = 4;
  const groups = new Uint32Array(model.vocabSize * words);
  const groupOf = (id: number) => (id * 7) % 106;
  for (let id = 0; id < model.vocabSize; id++)
    groups[id * words + Math.floor(groupOf(id) / 32)] = 2 ** (groupOf(id) % 32);
  // Two ids per group: id and id + 25.
  for (let id = 0; id < 25; id++) groups.copyWithin((id + 25) * words, id * words, (id + 1) * words);
  const constraint: LogitConstraint = {
    masks: new Uint8Array(model.vocabSize).fill(1),
    groups,
    allowedGroups: new Uint32Array(words).fill(2 ** 32 - 1),
    plans: Array(50).fill(planOf([0, 0, 0, -1], [0, 1, 0, -1], [0, -1, 0, -1], [0, 0, 0, -1], [0, 1, 0, -1])),
  };
  const samples = await session.generate(Array<Int32Array>(50).fill(PROMPT), {
    ...sampling,
    banned: new Int32Array(),
    constraint,
  });
  for (const { ids, ended } of samples) {
    const [a, b, , c, d] = [...ids] as [number, number, number, number, number];
    expect(ended).toBe(true);
    expect(Math.abs(a - c)).toBe(25);
    expect(Math.abs(b - d)).toBe(25);
  }
});

test('a rhyme may have a table for each tone, with common groups', async () => {
  const { vocabSize } = model;
  // Ids 10 to 19 are level, 20 to 29 oblique; level id and oblique id + 10 rhyme, and so do level id and id + 5.
  const masks = new Uint8Array(2 * vocabSize);
  const groups = new Uint32Array(2 * vocabSize);
  for (let i = 0; i < 10; i++) {
    masks[10 + i] = 1;
    masks[vocabSize + 20 + i] = 1;
    groups[10 + i] = 1 << (i % 5);
    groups[vocabSize + 20 + i] = 1 << (i % 5);
    groups[20 + i] = 1 << ((i + 1) % 5); // has another rhyme in the level table
  }
  const plan = planOf([0, 0, 0, -1], [0, 0, 0, -1], [1, 0, 1, -1]);
  for (const beam of [undefined, 4]) {
    const samples = await session.generate(Array<Int32Array>(50).fill(PROMPT), {
      ...sampling,
      ...(beam && { beam }),
      constraint: { masks, groups, allowedGroups: Uint32Array.of(31), plans: Array(50).fill(plan) },
    });
    for (const { ids } of samples) {
      const [a, b, c] = [...ids] as [number, number, number];
      expect(Math.abs(a - b)).toBe(5);
      expect(c).toBeGreaterThanOrEqual(20);
      expect(c % 5).toBe(a % 5);
    }
  }
});

test('a position may repeat an earlier one, of the sequence or its prompt', async () => {
  const masks = new Uint8Array(2 * model.vocabSize).fill(1, 0, model.vocabSize);
  masks[model.vocabSize + 3] = 1;
  const plan = planOf([0, 0, 0, -1], [0, -1, 0, -1], [1, 0, 0, 0], [1, -1, 0, 1], [1, -1, 0, -1]);
  const groups = new Uint32Array(model.vocabSize).fill(1);
  const prompts = [PROMPT, PROMPT, Int32Array.of(1, 17), Int32Array.of(1, 17, 18, 17)];
  const constraint = { masks, groups, allowedGroups: Uint32Array.of(1), plans: prompts.map(() => plan) };
  for (const options of [{}, { temperature: 0 }, { topK: 1 }, { beam: 5 }]) {
    const samples = await session.generate(prompts, {
      ...sampling,
      repetitionPenalty: 50,
      ...options,
      constraint,
    });
    for (const [i, { ids, ended, logProb }] of samples.entries()) {
      const [a, b, c, d, last, ...more] = [...(prompts[i] as Int32Array).subarray(1), ...ids];
      expect([c, d, last, more]).toEqual([a, b, 3, []]);
      expect(ended).toBe(true);
      expect(Number.isFinite(logProb)).toBe(true);
    }
  }
});

test('a banned id of a prompt must not be repeated', async () => {
  const prompts = [Int32Array.of(1, 2), Int32Array.of(1, 2, 7)];
  const masks = new Uint8Array(model.vocabSize).fill(1);
  const options = {
    ...sampling,
    constraint: {
      masks,
      groups: new Uint32Array(model.vocabSize),
      allowedGroups: Uint32Array.of(0),
      plans: [planOf([0, -1, 0, -1], [0, -1, 0, -1], [0, -1, 0, 0])],
    },
  };
  for (const prompt of prompts)
    await expect(session.generate([prompt], options)).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: expect.stringContaining('position 2 of plan 0 repeats the banned id 2'),
    });
  const [complete] = await session.generate([Int32Array.of(1, 2, 7, 2)], options);
  expect(complete).toMatchObject({ ended: true, ids: new Int32Array() });
});

test('weights in half precision are used as they are', async () => {
  const halves = Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      { dtype: 'F16', shape, data: toHalf(data) } as const,
    ]),
  );
  await using half = await InferenceSession.open(config, halves);
  const [expected, actual] = [await session.next(PROMPT), await half.next(PROMPT)];
  for (const [id, logProb] of expected.entries()) expect(actual[id]).toBeCloseTo(logProb, 2);
});

const wrongWeights: [string, () => TensorMap, string][] = [
  ['nothing', () => undefined as never, 'ERR_TANGSHI_INVALID_ARG'],
  ['a missing tensor', () => changed('fc.bias', undefined), 'ERR_TANGSHI_SHAPE'],
  [
    'an extra tensor',
    () => ({ ...weights, 'fc.extra': weights['fc.bias'] as TensorData }),
    'ERR_TANGSHI_SHAPE',
  ],
  ['another shape', () => changed('fc.bias', { shape: [49] }), 'ERR_TANGSHI_SHAPE'],
  ['another type', () => changed('fc.bias', { dtype: 'I64' }), 'ERR_TANGSHI_SHAPE'],
  ['too few bytes', () => changed('fc.bias', { data: new Uint8Array(3) }), 'ERR_TANGSHI_SHAPE'],
  ['no bytes', () => changed('fc.bias', { data: 5 as never }), 'ERR_TANGSHI_INVALID_ARG'],
];
test.each(wrongWeights)('opening with %s is rejected', async (_, wrong, code) => {
  await expect(InferenceSession.open(config, wrong())).rejects.toMatchObject({ name: 'TangshiError', code });
});

const constraint = only(Int32Array.of(3, 4));
function wrongPlan(...positions: Parameters<typeof planOf>): object {
  return { constraint: { ...constraint, plans: [planOf(...positions)] } };
}
const wrongOptions: [string, object, string][] = [
  ['a negative temperature', { temperature: -1 }, 'ERR_TANGSHI_INVALID_ARG'],
  ['NaN for top-p', { topP: Number.NaN }, 'ERR_TANGSHI_INVALID_ARG'],
  ['every id banned', { banned: Int32Array.from({ length: 50 }, (_, id) => id) }, 'ERR_TANGSHI_INVALID_ARG'],
  ['too few seeds', { seeds: new BigUint64Array() }, 'ERR_TANGSHI_SHAPE'],
  ['seeds as numbers', { seeds: Int32Array.of(1) }, 'ERR_TANGSHI_INVALID_ARG'],
  ['too many streams', { streams: new Uint32Array(2) }, 'ERR_TANGSHI_SHAPE'],
  ['a beam of 0', { beam: 0 }, 'ERR_TANGSHI_INVALID_ARG'],
  [
    'masks whose length is not a multiple of the vocabulary size',
    { constraint: { ...constraint, masks: new Uint8Array(51) } },
    'ERR_TANGSHI_SHAPE',
  ],
  ['no masks', { constraint: { ...constraint, masks: new Uint8Array() } }, 'ERR_TANGSHI_SHAPE'],
  [
    'groups of the wrong length',
    { constraint: { ...constraint, allowedGroups: new Uint32Array(2) } },
    'ERR_TANGSHI_SHAPE',
  ],
  ['no groups', { constraint: { ...constraint, allowedGroups: new Uint32Array() } }, 'ERR_TANGSHI_SHAPE'],
  [
    'a mask that allows only banned ids',
    { banned: Int32Array.of(3), constraint: { ...constraint, plans: [planOf([0, -1, 0, -1])] } },
    'ERR_TANGSHI_INVALID_ARG',
  ],
  ['no plan', { constraint: { ...constraint, plans: [] } }, 'ERR_TANGSHI_SHAPE'],
  ...([2, 3, 5, 6, 7] as const).map((length): [string, object, string] => [
    `a plan of ${length} numbers`,
    { constraint: { ...constraint, plans: [new Int32Array(length).fill(0)] } },
    'ERR_TANGSHI_SHAPE',
  ]),
  ['groups of no table', { constraint: { ...constraint, groups: new Uint32Array() } }, 'ERR_TANGSHI_SHAPE'],
  ...[1, 49, 51, 99, 101].map((length): [string, object, string] => [
    `groups of ${length} elements`,
    { constraint: { ...constraint, groups: new Uint32Array(length) } },
    'ERR_TANGSHI_SHAPE',
  ]),
  ['an unknown mask', wrongPlan([2, -1, 0, -1]), 'ERR_TANGSHI_SHAPE'],
  ['a negative mask', wrongPlan([-1, -1, 0, -1]), 'ERR_TANGSHI_SHAPE'],
  ['a rhyme below -1', wrongPlan([0, -2, 0, -1]), 'ERR_TANGSHI_SHAPE'],
  ['a rhyme out of range', wrongPlan([0, 1, 0, -1]), 'ERR_TANGSHI_SHAPE'],
  ['an unknown table', wrongPlan([0, -1, 1, -1]), 'ERR_TANGSHI_SHAPE'],
  ['a negative table', wrongPlan([0, 0, -1, -1]), 'ERR_TANGSHI_SHAPE'],
  [
    'a third table of two',
    {
      constraint: {
        ...constraint,
        groups: new Uint32Array(2 * model.vocabSize),
        plans: [planOf([0, 0, 1, -1], [0, 0, 2, -1])],
      },
    },
    'ERR_TANGSHI_SHAPE',
  ],
  ['a repeated position below -1', wrongPlan([0, -1, 0, -1], [0, -1, 0, -2]), 'ERR_TANGSHI_SHAPE'],
  ['a position that repeats itself', wrongPlan([0, -1, 0, -1], [0, -1, 0, 1]), 'ERR_TANGSHI_SHAPE'],
  ['a first position that repeats itself', wrongPlan([0, -1, 0, 0]), 'ERR_TANGSHI_SHAPE'],
  [
    'a position that repeats a later one',
    wrongPlan([0, -1, 0, -1], [0, -1, 0, 2], [0, -1, 0, -1]),
    'ERR_TANGSHI_SHAPE',
  ],
  ['a very large repeated position', wrongPlan([0, -1, 0, 2 ** 31 - 1]), 'ERR_TANGSHI_SHAPE'],
];
test.each(wrongOptions)('generating with %s is rejected', async (_, wrong, code) => {
  await expect(session.generate([PROMPT], { ...sampling, ...wrong })).rejects.toMatchObject({ code });
});

test('empty prompts and sequences, and ids outside the vocabulary, are rejected', async () => {
  for (const ids of [Int32Array.of(50), Int32Array.of(-1)]) {
    const refused = { code: 'ERR_TANGSHI_SHAPE' };
    await expect(session.generate([ids], sampling)).rejects.toMatchObject(refused);
    await expect(session.score([ids])).rejects.toMatchObject(refused);
    await expect(session.next(ids)).rejects.toMatchObject(refused);
  }
  for (const ids of [new Int32Array(), [1] as never, undefined as never]) {
    const refused = { code: 'ERR_TANGSHI_INVALID_ARG' };
    await expect(session.generate([ids], sampling)).rejects.toMatchObject(refused);
    await expect(session.score([ids])).rejects.toMatchObject(refused);
    await expect(session.next(ids)).rejects.toMatchObject(refused);
  }
  expect(await session.generate([], sampling)).toEqual([]);
  expect(await session.score([])).toEqual([]);
});

test('an aborted call rejects with an AbortError whose cause is the reason', async () => {
  const reason = new Error('no longer wanted');
  for (const call of [
    (signal: AbortSignal) => session.generate([PROMPT], { ...sampling, maxNewTokens: 2 ** 30 }, { signal }),
    (signal: AbortSignal) => session.score(Array(20_000).fill(new Int32Array(500).fill(1)), { signal }),
  ]) {
    const controller = new AbortController();
    const running = call(controller.signal);
    setTimeout(() => controller.abort(reason), 50);
    const error = await running.catch((thrown) => thrown);
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
    await expect(call(AbortSignal.abort(reason))).rejects.toMatchObject({ code: 'ABORT_ERR', cause: reason });
  }
});

test('disposing ends the call in progress and rejects later ones', async () => {
  const running = session.generate([PROMPT], { ...sampling, maxNewTokens: 2 ** 30 });
  await Promise.all([
    expect(running).rejects.toMatchObject({ code: 'ERR_TANGSHI_DISPOSED' }),
    session.dispose(),
    session.dispose(),
  ]);
  for (const call of [session.generate([PROMPT], sampling), session.score([PROMPT]), session.next(PROMPT)])
    await expect(call).rejects.toMatchObject({ code: 'ERR_TANGSHI_DISPOSED' });
});
