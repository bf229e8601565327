import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Checkpoint,
  LineFilter,
  presetConfig,
  readCheckpoint,
  readWeights,
  type TensorData,
  Vocab,
  writeCheckpoint,
  writeModel,
} from '../../lib';
import { REJECTIONS } from '../../lib/data/clean';
import { decodeCheckpoint } from '../../lib/model/checkpoint';
import { decodeSafetensors, encodeSafetensors } from '../../lib/model/safetensors';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tangshi-checkpoint-'));
  path = join(folder, 'last.safetensors');
});
afterEach(() => rm(folder, { recursive: true }));

const checkpoint: Checkpoint = {
  config: presetConfig('default'),
  vocab: Vocab.build(['床前明月光，疑是地上霜。'], { minCount: 1 }),
  corpus: {
    name: 'poems',
    fingerprint: 'ab'.repeat(32),
    tally: { read: 1, kept: 1, rejected: Object.fromEntries(REJECTIONS.map((reason) => [reason, 0])) },
  } as Checkpoint['corpus'],
  progress: {
    step: 7,
    cursor: { epoch: 0, step: 7 },
    epochsEnded: 0,
    epochLoss: 12.5,
    epochSteps: 7,
    skipped: 0,
    smoothedLoss: 1.75,
    best: null,
    seconds: 3.5,
  },
  tensors: {
    'fc.bias': { dtype: 'F32', shape: [2], data: new Uint8Array(Float32Array.of(1, 2).buffer) },
    'optim.step': { dtype: 'I64', shape: [], data: new Uint8Array(8) },
    'rng.generator': { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  },
};

test('a checkpoint round-trips, and leaves no other file in the folder', async () => {
  await writeCheckpoint(path, checkpoint);
  const read = await readCheckpoint(path);
  expect(await readdir(folder)).toEqual(['last.safetensors']);
  expect({ ...read, vocab: read.vocab.toJSON(), tensors: Object.keys(read.tensors).sort() }).toEqual({
    ...checkpoint,
    vocab: checkpoint.vocab.toJSON(),
    tensors: Object.keys(checkpoint.tensors),
  });
  const weights = await readWeights(path);
  expect(Object.keys(weights.tensors)).toEqual(['fc.bias']);
  expect(weights.vocab?.toJSON()).toEqual(checkpoint.vocab.toJSON());
});

test('the line filter of the training poems round-trips', async () => {
  await writeCheckpoint(path, { ...checkpoint, lineFilter: LineFilter.of(['床前明月光，疑是地上霜。']) });
  const { lineFilter, tensors } = await readCheckpoint(path);
  expect(lineFilter?.has('疑是地上霜')).toBe(true);
  expect(lineFilter?.has('处处闻啼鸟')).toBe(false);
  expect(Object.keys(tensors).sort()).toEqual(Object.keys(checkpoint.tensors));
});

describe('a model for inference', () => {
  const lineFilter = LineFilter.of(['床前明月光']);

  test('contains only the weights, in half precision, and loads in half precision', async () => {
    await writeModel(path, { ...checkpoint, lineFilter });
    const { metadata, tensors } = decodeSafetensors(await readFile(path), path);
    expect(tensors['fc.bias']).toMatchObject({ dtype: 'F16', shape: [2], data: { length: 4 } });
    expect(Object.keys(tensors)).toEqual(['fc.bias', 'corpus.lines']);
    expect(metadata.format).toBe('tangshi');
    const read = await readCheckpoint(path);
    expect(read.tensors).toEqual({ 'fc.bias': checkpoint.tensors['fc.bias'] });
    expect(read.lineFilter).toEqual(lineFilter);
    expect(read.progress).toEqual(checkpoint.progress);
  });

  test('every flipped byte is rejected', async () => {
    await writeModel(path, { ...checkpoint, lineFilter });
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 0x10;
      expect(() => decodeCheckpoint(bytes, 'bad')).toThrow(
        expect.objectContaining({ code: 'ERR_TANGSHI_CHECKPOINT' }),
      );
    }
  });
});

describe('a model of 8 bits', () => {
  const floats = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);
  const matrix = { dtype: 'F32', shape: [3, 2], data: floats([1.27, -0.63, 0, 0, 1e-30, -1e30]) } as const;
  const withMatrix = { ...checkpoint, tensors: { ...checkpoint.tensors, 'fc.weight': matrix } };

  test('has matrices of integers with a scale for each row, and is read as single precision', async () => {
    await writeModel(path, withMatrix, { bits: 8 });
    const { tensors } = decodeSafetensors(await readFile(path), path);
    expect(tensors['fc.weight']).toMatchObject({ dtype: 'I8', shape: [3, 2] });
    expect([...new Int8Array(tensors['fc.weight']?.data as Uint8Array)]).toEqual([127, -63, 0, 0, 0, -127]);
    expect(tensors['fc.weight.scale']).toMatchObject({ dtype: 'F32', shape: [3] });
    expect(tensors['fc.bias']).toMatchObject({ dtype: 'F32' });
    const read = await readCheckpoint(path);
    expect(Object.keys(read.tensors).sort()).toEqual(['fc.bias', 'fc.weight']);
    const { data } = read.tensors['fc.weight'] as TensorData;
    const values = new Float32Array(data.slice().buffer);
    for (const [i, value] of [1.27, -0.63, 0, 0, 0, -1e30].entries())
      expect(Math.abs((values[i] as number) - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-6);
    expect(await readWeights(path)).toMatchObject({ tensors: read.tensors });
  });

  test('needs a scale for each row', async () => {
    await writeModel(path, withMatrix, { bits: 8 });
    const { metadata, tensors } = decodeSafetensors(await readFile(path), path);
    const scale = tensors['fc.weight.scale'] as TensorData;
    const spoiled: (TensorData | undefined)[] = [
      undefined,
      { ...scale, shape: [2], data: scale.data.slice(0, 8) },
      { ...scale, shape: [3, 1] },
      { dtype: 'F16', shape: [3], data: scale.data.slice(0, 6) },
      { dtype: 'U8', shape: [3], data: scale.data.slice(0, 3) },
    ];
    for (const wrong of spoiled) {
      const { 'fc.weight.scale': _, ...others } = tensors;
      const all = wrong ? { ...others, 'fc.weight.scale': wrong } : others;
      const { checksum: __, ...rest } = metadata;
      // As Python writes it: without the format of this package, there is no checksum.
      const { format: ___, ...python } = rest;
      await writeFile(path, Buffer.concat(encodeSafetensors({ metadata: python, tensors: all })));
      await expect(readWeights(path)).rejects.toMatchObject({
        code: 'ERR_TANGSHI_CHECKPOINT',
        message: expect.stringMatching(/tensor fc\.weight has 8 bits, but no scale for each row/),
      });
    }
  });

  test('needs finite weights, and a number of bits that exists', async () => {
    const wrong = { ...matrix, data: floats([1, Number.NaN, 0, 0, 0, 0]) };
    await expect(
      writeModel(path, { ...withMatrix, tensors: { 'fc.weight': wrong } }, { bits: 8 }),
    ).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: expect.stringContaining('fc.weight'),
    });
    await expect(writeModel(path, withMatrix, { bits: 4 as never })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      option: 'bits',
    });
  });
});

test('an invalid line filter is rejected', async () => {
  const tensor = { dtype: 'U8', shape: [0], data: new Uint8Array(0) } as const;
  await writeCheckpoint(path, { ...checkpoint, tensors: { 'corpus.lines': tensor } });
  await expect(readCheckpoint(path)).rejects.toMatchObject({
    code: 'ERR_TANGSHI_CHECKPOINT',
    message: expect.stringMatching(/lines/),
  });
});

test('every flipped byte and every truncation is rejected', async () => {
  await writeCheckpoint(path, checkpoint);
  const whole = await readFile(path);
  const bad = join(folder, 'bad.safetensors');
  const refused = async (bytes: Uint8Array) => {
    await writeFile(bad, bytes);
    const error = await readCheckpoint(bad).catch((reason) => reason);
    expect(error).toMatchObject({ code: 'ERR_TANGSHI_CHECKPOINT' });
  };
  for (let at = 0; at < whole.length; at += 3) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] as number) ^ 0x41;
    await refused(flipped);
  }
  for (let length = 0; length < whole.length; length += 97) await refused(whole.subarray(0, length));
});

test('a file written by Python is not a checkpoint, and the error says how to use it', async () => {
  const header = Buffer.from('{"__metadata__":{"format":"pt"}}');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await writeFile(path, Buffer.concat([length, header]));
  await expect(readCheckpoint(path)).rejects.toMatchObject({
    code: 'ERR_TANGSHI_CHECKPOINT',
    message: expect.stringContaining('use init'),
  });
});

test('the error names a file that cannot be read or written', async () => {
  await expect(readCheckpoint(path)).rejects.toMatchObject({
    code: 'ERR_TANGSHI_IO',
    message: expect.stringContaining(path),
  });
  const nowhere = join(folder, 'missing', 'last.safetensors');
  await expect(writeCheckpoint(nowhere, checkpoint)).rejects.toMatchObject({
    code: 'ERR_TANGSHI_IO',
    message: expect.stringContaining(nowhere),
  });
});

test('a failed write keeps the old checkpoint', async () => {
  await writeCheckpoint(path, checkpoint);
  const before = await readFile(path);
  await mkdir(`${path}.tmp`); // blocks the new checkpoint
  await expect(writeCheckpoint(path, checkpoint)).rejects.toMatchObject({ code: 'ERR_TANGSHI_IO' });
  expect(await readFile(path)).toEqual(before);
});
