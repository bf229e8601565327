import { Model } from '../../lib';
import { type Draft, type DraftCall, DraftQueue, type GenerateSequences } from '../../lib/model/draft-queue';
import { TangshiError } from '../../lib/util/errors';

let model: Model;
beforeAll(async () => {
  model = await Model.load();
});
afterAll(() => model.dispose());

/** A source of drafts that records its batches: each sample is its stream. */
function recorder() {
  const batches: { streams: number[]; signal?: AbortSignal }[] = [];
  const release: (() => void)[] = [];
  const generate: GenerateSequences = async (
    _prompts,
    { streams = new Uint32Array() },
    { signal, onToken } = {},
  ) => {
    batches.push({ streams: [...streams], signal });
    await new Promise<void>((resolve) => release.push(resolve));
    if (signal?.aborted) throw new Error('cancelled');
    for (const [row, stream] of streams.entries()) onToken?.(row, stream);
    return [...streams].map((stream) => ({ ids: Int32Array.of(stream), ended: true, logProb: 0 }));
  };
  return { queue: new DraftQueue(generate), batches, release };
}

const call = (streams: readonly number[], temperature = 1): DraftCall => ({
  promptIds: Int32Array.of(1),
  sampling: { maxNewTokens: 1, endId: 2, temperature } as never,
  form: undefined,
  drafts: streams.map((stream): Draft => ({ seed: 1, stream })),
});
const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
const drawn = async (samples: Promise<readonly { ids: Int32Array }[]>) =>
  (await samples).map(({ ids }) => ids[0]);

test('calls with the same options are drawn together, and get their own drafts', async () => {
  const { queue, batches, release } = recorder();
  const calls = [call([1, 2]), call([3]), call([4], 0.5), call([5])].map((each) =>
    drawn(queue.draw(each, {})),
  );
  await turn();
  release[0]?.();
  await turn();
  release[1]?.();
  expect(await Promise.all(calls)).toEqual([[1, 2], [3], [4], [5]]);
  expect(batches.map(({ streams }) => streams)).toEqual([[1, 2, 3, 5], [4]]);
});

test('a call that comes while a long one is drawn waits for one batch only', async () => {
  const { queue, batches, release } = recorder();
  const long = queue.draw(call(range(0, 200)), {});
  await turn();
  const short = drawn(queue.draw(call([1000], 0.5), {}));
  release[0]?.();
  await turn();
  release[1]?.();
  expect(await short).toEqual([1000]);
  expect(batches[1]?.streams).toEqual([1000]);
  for (let i = 2; i < 10; i++) {
    await turn();
    release[i]?.();
  }
  expect(await drawn(long)).toEqual(range(0, 200));
});

test('an aborted call ends at once; the others of its batch go on, and the batch ends with the last', async () => {
  const { queue, batches, release } = recorder();
  const [first, second] = [new AbortController(), new AbortController()];
  const tokens: number[] = [];
  const doomed = queue.draw(call([1]), { signal: first.signal, onToken: (_, id) => tokens.push(id) });
  const other = queue.draw(call([2]), { signal: second.signal, onToken: (_, id) => tokens.push(id) });
  await turn();
  first.abort();
  await expect(doomed).rejects.toMatchObject({ name: 'AbortError' });
  expect(batches[0]?.signal?.aborted).toBe(false);
  release[0]?.();
  expect(await drawn(other)).toEqual([2]);
  expect(tokens).toEqual([2]);

  const alone = queue.draw(call([3]), { signal: second.signal });
  await turn();
  second.abort();
  await expect(alone).rejects.toMatchObject({ name: 'AbortError' });
  expect(batches[1]?.signal?.aborted).toBe(true);
  release[1]?.();
  await expect(queue.draw(call([4]), { signal: second.signal })).rejects.toMatchObject({
    name: 'AbortError',
  });
});

test('an error of a batch is that of its calls, and later calls are drawn', async () => {
  let fails = true;
  const queue = new DraftQueue(async (prompts) => {
    if (fails) throw new TangshiError('ERR_TANGSHI_OUT_OF_MEMORY', 'no memory');
    return prompts.map(() => ({ ids: new Int32Array(), ended: true, logProb: 0 }));
  });
  const calls = [queue.draw(call([1]), {}), queue.draw(call([2]), {})];
  for (const failed of calls)
    await expect(failed).rejects.toMatchObject({ code: 'ERR_TANGSHI_OUT_OF_MEMORY' });
  fails = false;
  expect(await queue.draw(call([3]), {})).toHaveLength(1);
});

test('poems do not depend on what else is drawn', async () => {
  const options = (seed: number) => ({ form: '七绝', prompt: '湖', seed, bestOf: 4 });
  const alone = [];
  for (const seed of range(0, 6)) alone.push(await model.generate(options(seed)));
  const together = await Promise.all([
    ...range(0, 6).map((seed) => model.generate(options(seed))),
    model.generateMany(40, { form: '五律', seed: 9, bestOf: 4 }),
    model.generate({ prompt: '山', seed: 1 }),
  ]);
  expect(together.slice(0, 6)).toEqual(alone);
});

test('streams of several callers run side by side', async () => {
  const order: number[] = [];
  await Promise.all(
    range(0, 4).map(async (seed) => {
      for await (const _ of model.stream({ form: '七绝', seed })) order.push(seed);
    }),
  );
  // Not one after the other: each has begun before the first one has ended.
  expect(new Set(order.slice(0, 32)).size).toBe(4);
});
