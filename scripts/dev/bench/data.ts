import { readFileSync, writeFileSync } from 'node:fs';
import { bucketedBatcher } from '../../../lib/data/batcher';
import type { Batch, TensorMap } from '../../../lib/native/contract';
import { Rng } from '../../../lib/util/rng';
import { BEGIN } from './protocol';

/** Poems for contenders that make their own batches, and the same batches ready-made for the others. */
export type Data = Readonly<{
  batch: number;
  seed: number;
  /** Ids of each poem, including begin and end. */
  poems: readonly (readonly number[])[];
  /** [batch][poem][id]: the first batches that `bucketedBatcher` makes of the poems, at least one epoch. */
  batches: readonly (readonly (readonly number[])[])[];
}>;

type Weights = Readonly<Record<string, Readonly<{ shape: readonly number[]; values: Float32Array }>>>;

const SEED = 7;
const END = 2;
const SPECIALS = 3;
/** Number of targets of regulated verse (4 or 8 lines of 5 or 7 characters), and its frequency per 100 poems. */
const LENGTHS = [
  [24, 10],
  [32, 30],
  [48, 25],
  [64, 25],
] as const;
/** Numbers of targets of the other poems. */
const OTHER = { from: 20, to: 80 };

/** Synthetic poems, always the same: as long as Tang poems, with character frequencies that follow Zipf's law. */
export function makeData(options: {
  vocabSize: number;
  poems: number;
  batch: number;
  /** Number of ready-made batches, if more than an epoch. */
  batches?: number;
}): Data {
  const { vocabSize, poems: count, batch } = options;
  const rng = Rng.of(SEED, 'benchmark');
  const character = zipf(vocabSize - SPECIALS, rng);
  const poems = Array.from({ length: count }, () => {
    const characters = Array.from({ length: targets(rng) - 1 }, () => SPECIALS + character());
    return [BEGIN, ...characters, END];
  });
  const batcher = bucketedBatcher(
    poems.map((poem) => Int32Array.from(poem)),
    { batch, seed: SEED },
  );
  const batches = Array.from({ length: Math.max(options.batches ?? 0, batcher.stepsPerEpoch) }, () =>
    rowsOf(batcher.next()),
  );
  return { batch, seed: SEED, poems, batches };
}

export function writeData(path: string, data: Data): void {
  writeFileSync(path, JSON.stringify(data));
}

export function readData(path: string): Data {
  return JSON.parse(readFileSync(path, 'utf8')) as Data;
}

/** A file of raw float32, little-endian, and next to it a JSON index: name -> { offset in floats, shape }. */
export function writeWeights(path: string, tensors: TensorMap): void {
  const index: Record<string, { offset: number; shape: readonly number[] }> = {};
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    index[name] = { offset, shape };
    offset += data.byteLength / Float32Array.BYTES_PER_ELEMENT;
  }
  writeFileSync(path, Buffer.concat(Object.values(tensors).map(({ data }) => data)));
  writeFileSync(`${path}.json`, JSON.stringify(index));
}

export function readWeights(path: string): Weights {
  const index = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Record<
    string,
    { offset: number; shape: number[] }
  >;
  const values = new Float32Array(new Uint8Array(readFileSync(path)).buffer);
  return Object.fromEntries(
    Object.entries(index).map(([name, { offset, shape }]) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return [name, { shape, values: values.subarray(offset, offset + length) }];
    }),
  );
}

function targets(rng: Rng): number {
  let percent = rng.below(100);
  for (const [length, share] of LENGTHS) {
    if (percent < share) return length;
    percent -= share;
  }
  return OTHER.from + rng.below(OTHER.to - OTHER.from + 1);
}

/** Draws k in 0 … count - 1 with probability proportional to 1 / (k + 1). */
function zipf(count: number, rng: Rng): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    sum += 1 / (k + 1);
    sums[k] = sum;
  }
  return () => {
    const mark = (rng.uint32() / 2 ** 32) * sum;
    return sums.findIndex((total) => total > mark);
  };
}

/** The poems of a batch, without padding. */
function rowsOf({ inputs, targets, rows, time }: Batch): number[][] {
  return Array.from({ length: rows }, (_, row) => {
    const end = (row + 1) * time;
    const real = targets.subarray(row * time, end).filter((target) => target >= 0);
    return [inputs[row * time] as number, ...real];
  });
}
