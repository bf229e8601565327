import type { Batch } from '../native/contract';
import { TangshiError } from '../util/errors';
import { requireObject, wrongArgument } from '../util/guards';
import { Rng } from '../util/rng';
import { drawPreface, type Preface } from './preface';

/** Position of the next batch: the complete state of a batcher. 0 <= step < stepsPerEpoch. */
export type Cursor = Readonly<{ epoch: number; step: number }>;

/** An endless sequence of batches, epoch after epoch. The same poems, options and cursor give the same batches. */
export interface Batcher {
  /** Batches per epoch. */
  readonly stepsPerEpoch: number;
  /** Position of the batch that `next` returns. */
  readonly cursor: Cursor;
  /** Returns the batch at the cursor and advances the cursor. */
  next(): Batch;
  /** Moves the cursor. @throws ERR_TANGSHI_INVALID_ARG if it is out of range. */
  seek(cursor: Cursor): void;
}

/** Ids of a poem, including begin and end. */
type Ids = Int32Array;
/** A poem, after what precedes it: `start` ids, which are not predicted. */
type Row = Readonly<{ ids: Ids; start: number }>;
/** The poems of each batch of an epoch. */
type Plan<Poem> = (epoch: number) => readonly (readonly Poem[])[];

/** Poems are sorted by length within pools of this many batches: a compromise between padding and randomness. */
const POOL_BATCHES = 50;

/**
 * The original program's batches: consecutive slices of the poems in the given order (by length), the same in every
 * epoch; the remainder is dropped. Targets are the inputs shifted by one with the last id repeated, so END -> END is
 * trained too; weights make the loss the mean over poems of each poem's mean NLL.
 *
 * @param poems Ids with begin and end, each an Int32Array of length >= 2, such as `Dataset.train`.
 * @param batchSize Poems per batch.
 * @throws ERR_TANGSHI_CORPUS if the poems do not fill one batch. ERR_TANGSHI_INVALID_ARG
 */
export function classicBatcher(poems: readonly Ids[], batchSize: number): Batcher {
  checkBatchSize(batchSize);
  checkPoems(poems);
  if (poems.length < batchSize) {
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      `The corpus has ${poems.length} poems, fewer than one batch of ${batchSize}: set batch to ${poems.length} or less`,
      { option: 'batch' },
    );
  }
  const batches = cut(poems, batchSize).filter((batch) => batch.length === batchSize);
  return new PlannedBatcher<Ids>(() => batches, classicBatch, batches.length);
}

/**
 * Each poem once per epoch, in an order that depends only on seed and epoch: poems are shuffled, sorted by length within
 * pools of 50 batches, cut into batches, and the batches are shuffled. One batch may be smaller. Inputs are the ids
 * without the last, targets the ids without the first; the loss is the mean over all targets.
 *
 * @param poems Ids with begin and end, each an Int32Array of length >= 2, such as `Dataset.train`.
 * @param options `batch`: poems per batch. `seed`: an integer that determines the order. `prefaces`: what can precede each
 * of the poems, such as `Dataset.trainPrefaces`; which part does is drawn anew in each epoch, and it is not predicted.
 * @throws ERR_TANGSHI_CORPUS if there are no poems. ERR_TANGSHI_INVALID_ARG
 * @example
 * const batcher = bucketedBatcher(dataset.train, { batch: 64, seed: 1 });
 * batcher.seek(checkpoint.progress.cursor);
 * for (;;) await session.train([batcher.next()], { lr, clipNorm: 1 });
 */
export function bucketedBatcher(
  poems: readonly Ids[],
  options: Readonly<{ batch: number; seed: number | bigint; prefaces?: readonly Preface[] }>,
): Batcher {
  requireObject(options, 'options');
  const { batch, seed, prefaces } = options;
  checkBatchSize(batch);
  checkPoems(poems);
  checkPrefaces(prefaces, poems);
  const plan: Plan<Row> = (epoch) => {
    const rng = Rng.of(seed, 'batches', epoch);
    const choice = Rng.of(seed, 'prefaces', epoch);
    const rows = poems.map((poem, i) => toRow(poem, prefaces && drawPreface(prefaces[i] as Preface, choice)));
    const pools = cut(rng.shuffle(rows), batch * POOL_BATCHES);
    return rng.shuffle(pools.flatMap((pool) => cut(pool.sort(byLength), batch)));
  };
  return new PlannedBatcher(plan, shiftedBatch, Math.ceil(poems.length / batch));
}

/**
 * All poems once, sorted by length, in batches shaped like those of `bucketedBatcher`. The last one may be smaller.
 *
 * @param poems Ids with begin and end, each an Int32Array of length >= 2.
 * @param batchSize Poems per batch.
 * @param prefaces What precedes each of the poems. Default: nothing.
 * @throws ERR_TANGSHI_CORPUS if there are no poems. ERR_TANGSHI_INVALID_ARG
 */
export function evaluationBatches(
  poems: readonly Ids[],
  batchSize: number,
  prefaces?: readonly Int32Array[],
): Batch[] {
  checkBatchSize(batchSize);
  checkPoems(poems);
  checkPrefaces(prefaces, poems);
  const rows = poems.map((poem, i) => toRow(poem, prefaces?.[i]));
  return cut(rows.sort(byLength), batchSize).map(shiftedBatch);
}

function toRow(poem: Ids, preface: Int32Array | undefined): Row {
  if (preface === undefined || preface.length === 0) return { ids: poem, start: 0 };
  const ids = new Int32Array(preface.length + poem.length);
  ids.set(preface);
  ids.set(poem, preface.length);
  return { ids, start: preface.length };
}

class PlannedBatcher<Poem> implements Batcher {
  readonly stepsPerEpoch: number;
  readonly #plan: Plan<Poem>;
  readonly #toBatch: (poems: readonly Poem[]) => Batch;
  #cursor: Cursor = { epoch: 0, step: 0 };
  /** Plan of the cursor's epoch, made when its first batch is requested. */
  #planned: ReturnType<Plan<Poem>> | undefined;

  constructor(plan: Plan<Poem>, toBatch: (poems: readonly Poem[]) => Batch, stepsPerEpoch: number) {
    this.#plan = plan;
    this.#toBatch = toBatch;
    this.stepsPerEpoch = stepsPerEpoch;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  next(): Batch {
    const { epoch, step } = this.#cursor;
    this.#planned ??= this.#plan(epoch);
    const batch = this.#toBatch(this.#planned[step] as readonly Poem[]);
    if (step + 1 < this.stepsPerEpoch) this.#cursor = { epoch, step: step + 1 };
    else this.seek({ epoch: epoch + 1, step: 0 });
    return batch;
  }

  seek({ epoch, step }: Cursor): void {
    const valid = Number.isSafeInteger(epoch) && epoch >= 0 && Number.isInteger(step) && step >= 0;
    if (!valid || step >= this.stepsPerEpoch) {
      throw new TangshiError(
        'ERR_TANGSHI_INVALID_ARG',
        `Expected a cursor with epoch >= 0 and 0 <= step < ${this.stepsPerEpoch} but received epoch ${epoch}, step ${step}`,
      );
    }
    if (epoch !== this.#cursor.epoch) this.#planned = undefined;
    this.#cursor = { epoch, step };
  }
}

function classicBatch(poems: readonly Ids[]): Batch {
  const batch = blankBatch(poems.length, longest(poems));
  const weights = new Float32Array(poems.length);
  for (const [row, poem] of poems.entries()) {
    const start = row * batch.time;
    batch.inputs.set(poem, start);
    batch.targets.set(poem.subarray(1), start);
    batch.targets[start + poem.length - 1] = poem.at(-1) as number;
    weights[row] = 1 / (poems.length * poem.length);
  }
  return { ...batch, weights };
}

function shiftedBatch(rows: readonly Row[]): Batch {
  const batch = blankBatch(rows.length, longest(rows.map(({ ids }) => ids)) - 1);
  for (const [row, { ids, start }] of rows.entries()) {
    batch.inputs.set(ids.subarray(0, -1), row * batch.time);
    batch.targets.set(ids.subarray(start + 1), row * batch.time + start);
  }
  return batch;
}

/** A `[rows, time]` batch of padding: input 0, target -1. */
function blankBatch(rows: number, time: number): Batch {
  return { inputs: new Int32Array(rows * time), targets: new Int32Array(rows * time).fill(-1), rows, time };
}

function longest(poems: readonly Ids[]): number {
  return poems.reduce((length, poem) => Math.max(length, poem.length), 0);
}

function byLength(a: Row, b: Row): number {
  return a.ids.length - b.ids.length;
}

function cut<T>(items: readonly T[], size: number): T[][] {
  const runs: T[][] = [];
  for (let start = 0; start < items.length; start += size) runs.push(items.slice(start, start + size));
  return runs;
}

function checkBatchSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Expected a batch size of at least 1 but received ${size}`,
    );
  }
}

function checkPrefaces(prefaces: readonly unknown[] | undefined, poems: readonly Ids[]): void {
  if (prefaces === undefined || (Array.isArray(prefaces) && prefaces.length === poems.length)) return;
  throw wrongArgument('as many prefaces as poems', 'prefaces', prefaces);
}

function checkPoems(poems: readonly Ids[]): void {
  if (!Array.isArray(poems)) throw wrongArgument('an array of Int32Array', 'poems', poems);
  if (poems.length === 0)
    throw new TangshiError('ERR_TANGSHI_CORPUS', 'There are no poems to make batches from');
  if (poems.some((poem) => !(poem instanceof Int32Array) || poem.length < 2))
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      'Expected poems with begin and end: each an Int32Array of at least two ids',
    );
}
