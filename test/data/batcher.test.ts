import fc from 'fast-check';
import { type Batcher, bucketedBatcher, classicBatcher, evaluationBatches } from '../../lib/data/batcher';
import type { Batch } from '../../lib/native/contract';
import golden from '../golden/seed.json';

const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

const poemsOf = (lengths: readonly number[]) =>
  lengths.map((length, index) => Int32Array.from({ length }, (_, at) => 1000 * (index + 1) + at));
const take = (batcher: Batcher, count: number) => Array.from({ length: count }, () => batcher.next());

/** The rows of a batch as [inputs, targets], without padding. Checks that padding comes last and is marked. */
function rows(batch: Batch): [number[], number[]][] {
  expect(batch.inputs).toHaveLength(batch.rows * batch.time);
  expect(batch.targets).toHaveLength(batch.rows * batch.time);
  let longest = 0;
  const all = Array.from({ length: batch.rows }, (_, row): [number[], number[]] => {
    const inputs = [...batch.inputs.subarray(row * batch.time, (row + 1) * batch.time)];
    const targets = [...batch.targets.subarray(row * batch.time, (row + 1) * batch.time)];
    const length = targets.includes(-1) ? targets.indexOf(-1) : batch.time;
    expect(targets.slice(length).every((target) => target === -1)).toBe(true);
    expect(inputs.slice(length).every((input) => input === 0)).toBe(true);
    longest = Math.max(longest, length);
    return [inputs.slice(0, length), targets.slice(0, length)];
  });
  expect(batch.time).toBe(longest);
  return all;
}
/** The poems of an unweighted batch, reassembled from inputs and targets. */
function poemsIn(batch: Batch): string[] {
  return rows(batch).map(([inputs, targets]) => {
    expect(inputs.slice(1)).toEqual(targets.slice(0, -1));
    return [inputs[0], ...targets].join();
  });
}

describe('prefaces', () => {
  const poems = poemsOf(Array(600).fill(6));
  const prefaces = poems.map((_, i) => ({ title: Int32Array.of(1, 10 + i), genre: Int32Array.of(2) }));

  test('precede poems and are not predicted; each part is left out in some epochs', () => {
    const batcher = bucketedBatcher(poems, { batch: 64, seed: 3, prefaces });
    const seen: Record<string, number> = { none: 0, genre: 0, title: 0, both: 0 };
    const drawn = new Set<string>();
    for (const { inputs, targets, time, rows: count } of take(batcher, 2 * batcher.stepsPerEpoch)) {
      for (let row = 0; row < count; row++) {
        const ids = [...inputs.subarray(row * time, (row + 1) * time)];
        const own = [...targets.subarray(row * time, (row + 1) * time)];
        const start = ids.findIndex((id) => id >= 1000);
        const poem = poems[Math.floor((ids[start] as number) / 1000) - 1] as Int32Array;
        expect(ids.slice(start, start + 5)).toEqual([...poem.subarray(0, -1)]);
        expect(own).toEqual([
          ...Array(start).fill(-1),
          ...poem.subarray(1),
          ...Array(time - start - 5).fill(-1),
        ]);
        const number = Math.floor((ids[start] as number) / 1000) - 1;
        const [title, genre] = [ids.includes(10 + number), ids.includes(2)];
        if (title) expect(ids.slice(0, 2)).toEqual([1, 10 + number]);
        if (genre) expect(ids[start - 1]).toBe(2);
        const kind = title ? (genre ? 'both' : 'title') : genre ? 'genre' : 'none';
        seen[kind] = (seen[kind] as number) + 1;
        drawn.add(`${number} ${kind}`);
      }
    }
    const shares = Object.values(seen).map((count) => count / 1200);
    for (const [i, share] of [3 / 12, 1 / 12, 2 / 12, 6 / 12].entries())
      expect(Math.abs((shares[i] as number) - share)).toBeLessThan(0.05);
    expect(drawn.size).toBeGreaterThan(700); // drawn anew in the second epoch
  });

  test('are the same after seek', () => {
    const [one, other] = [3, 3].map((seed) => bucketedBatcher(poems, { batch: 64, seed, prefaces })) as [
      Batcher,
      Batcher,
    ];
    take(one, 25);
    other.seek(one.cursor);
    expect(other.next()).toEqual(one.next());
  });

  test('of evaluation batches are whole', () => {
    const [{ inputs, targets } = fail()] = evaluationBatches(poems.slice(0, 1), 64, [
      Int32Array.of(1, 10, 2),
    ]);
    expect([...inputs]).toEqual([1, 10, 2, 1000, 1001, 1002, 1003, 1004]);
    expect([...targets]).toEqual([-1, -1, -1, 1001, 1002, 1003, 1004, 1005]);
  });

  test('must be as many as the poems', () => {
    const wrong = failure('ERR_TANGSHI_INVALID_ARG', /as many prefaces as poems/);
    expect(() => bucketedBatcher(poems, { batch: 64, seed: 1, prefaces: prefaces.slice(1) })).toThrow(wrong);
    expect(() => evaluationBatches(poems, 64, [Int32Array.of(1)])).toThrow(wrong);
  });
});

describe('classic', () => {
  test.each(['titled', 'lines'] as const)(
    '%s: produces the same batches as the original program, epoch after epoch',
    (format) => {
      const { vectors, batches } = golden[format];
      const batcher = classicBatcher(
        vectors.map((ids) => Int32Array.from(ids)),
        golden.batch,
      );
      expect(batcher.stepsPerEpoch).toBe(batches.length);
      for (const epoch of [0, 1]) {
        for (const [step, { inputs, targets }] of batches.entries()) {
          expect(batcher.cursor).toEqual({ epoch, step });
          expect(rows(batcher.next())).toEqual(inputs.map((row, index) => [row, targets[index]]));
        }
      }
    },
  );

  test('weights make the loss the mean over poems of their mean NLL', () => {
    const { weights, rows: count } = classicBatcher(poemsOf([5, 8]), 2).next();
    expect(count).toBe(2);
    expect(weights).toEqual(Float32Array.of(1 / (2 * 5), 1 / (2 * 8)));
  });

  test('rejects fewer poems than one batch', () => {
    expect(() => classicBatcher(poemsOf([5, 5]), 3)).toThrow(
      failure('ERR_TANGSHI_CORPUS', /2 poems.*batch of 3: set batch to 2/),
    );
  });
});

const corpora = fc
  .record({
    lengths: fc.array(fc.integer({ min: 2, max: 30 }), { minLength: 1, maxLength: 400 }),
    batch: fc.integer({ min: 1, max: 9 }),
    seed: fc.integer(),
  })
  .map(({ lengths, ...options }) => ({ poems: poemsOf(lengths), options }));

describe('bucketed', () => {
  test('covers every poem once per epoch; at most one batch is smaller than requested', () => {
    fc.assert(
      fc.property(corpora, ({ poems, options }) => {
        const batcher = bucketedBatcher(poems, options);
        for (const epoch of [0, 1]) {
          expect(batcher.cursor).toEqual({ epoch, step: 0 });
          const batches = take(batcher, batcher.stepsPerEpoch);
          expect(batches.flatMap(poemsIn).sort()).toEqual(poems.map((poem) => poem.join()).sort());
          expect(batches.filter(({ rows }) => rows !== options.batch).length).toBeLessThanOrEqual(1);
          expect(batches.every(({ weights }) => weights === undefined)).toBe(true);
        }
      }),
    );
  });

  test('seeking to any cursor resumes with the same batches', () => {
    fc.assert(
      fc.property(corpora, fc.nat(300), ({ poems, options }, steps) => {
        const batcher = bucketedBatcher(poems, options);
        take(batcher, steps);
        const resumed = bucketedBatcher(poems, options);
        resumed.seek(JSON.parse(JSON.stringify(batcher.cursor)));
        expect(take(resumed, 20)).toEqual(take(batcher, 20));
        expect(resumed.cursor).toEqual(batcher.cursor);
      }),
    );
  });

  test('one batcher can seek back and forth', () => {
    const batcher = bucketedBatcher(poemsOf(Array.from({ length: 50 }, (_, index) => 2 + (index % 7))), {
      batch: 4,
      seed: 1,
    });
    const first = take(batcher, 30);
    batcher.seek({ epoch: 1, step: 3 });
    expect(take(batcher, 5)).toEqual(first.slice(16, 21));
    batcher.seek({ epoch: 0, step: 2 });
    expect(take(batcher, 28)).toEqual(first.slice(2));
  });

  test('the order depends on the epoch and the seed', () => {
    const poems = poemsOf(new Array(64).fill(5));
    const order = (seed: number, epoch: number) => {
      const batcher = bucketedBatcher(poems, { batch: 8, seed });
      batcher.seek({ epoch, step: 0 });
      return take(batcher, 8).flatMap(poemsIn).join('|');
    };
    expect(new Set([order(1, 0), order(1, 1), order(2, 0), order(2, 1)]).size).toBe(4);
    expect(order(1, 1)).toBe(order(1, 1));
  });

  test('adds little padding, and does not order batches by length', () => {
    const lengths = Array.from({ length: 5000 }, (_, index) => 7 + ((index * 7919) % 76));
    const batcher = bucketedBatcher(poemsOf(lengths), { batch: 32, seed: 1 });
    const batches = take(batcher, batcher.stepsPerEpoch);
    const padding = batches.reduce(
      (sum, { targets }) => sum + targets.filter((target) => target < 0).length,
      0,
    );
    const places = batches.reduce((sum, { targets }) => sum + targets.length, 0);
    expect(padding / places).toBeLessThan(0.04); // about 0.45 without sorting
    const times = batches.map(({ time }) => time);
    expect(times).not.toEqual(times.toSorted((a, b) => a - b));
  });

  test('does not modify the poems it is given', () => {
    const poems = poemsOf([9, 3, 5, 2]);
    const before = poems.map((poem) => [...poem]);
    take(bucketedBatcher(poems, { batch: 2, seed: 3 }), 4);
    evaluationBatches(poems, 2);
    expect(poems.map((poem) => [...poem])).toEqual(before);
  });
});

test('evaluation: every poem once, ordered by length, then by position', () => {
  const batches = evaluationBatches(poemsOf([5, 3, 4, 3, 9]), 2);
  expect(batches.map(({ rows, time }) => [rows, time])).toEqual([
    [2, 2],
    [2, 4],
    [1, 8],
  ]);
  expect(batches.flatMap(poemsIn).map((poem) => Number(poem.split(',')[0]))).toEqual([
    2000, 4000, 3000, 1000, 5000,
  ]);
});

describe.each([
  ['classic', (poems: Int32Array[], batch: number) => classicBatcher(poems, batch)],
  ['bucketed', (poems: Int32Array[], batch: number) => bucketedBatcher(poems, { batch, seed: 1 })],
])('%s: invalid arguments', (_, make) => {
  const batcher = make(poemsOf([5, 5, 5, 5]), 2);

  test.each([
    { epoch: 0, step: 2 },
    { epoch: 0, step: -1 },
    { epoch: 0, step: 0.5 },
    { epoch: -1, step: 0 },
    { epoch: 2 ** 53, step: 0 },
    { epoch: Number.NaN, step: 0 },
    { epoch: 0, step: Number.NaN },
  ])('cursor %j is rejected and changes nothing', (cursor) => {
    expect(() => batcher.seek(cursor)).toThrow(failure('ERR_TANGSHI_INVALID_ARG', /0 <= step < 2/));
    expect(batcher.cursor).toEqual({ epoch: 0, step: 0 });
  });

  test.each([0, -1, 1.5, Number.NaN])('batch size %p is rejected', (size) => {
    expect(() => make(poemsOf([5]), size)).toThrow(failure('ERR_TANGSHI_INVALID_ARG', /batch size/));
  });

  test('rejects an empty list of poems, and poems without begin and end tokens', () => {
    expect(() => make([], 1)).toThrow(failure('ERR_TANGSHI_CORPUS', /no poems/));
    expect(() => make(poemsOf([5, 1]), 1)).toThrow(failure('ERR_TANGSHI_INVALID_ARG', /begin and end/));
  });
});
