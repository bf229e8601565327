import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Batch,
  type Checkpoint,
  TangshiError,
  type TensorData,
  type TensorMap,
  TrainingSession,
} from '../../../lib';
import { checksum, decodeCheckpoint } from '../../../lib/model/checkpoint';
import { modelConfig } from '../../../lib/model/network';
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from '../../../lib/model/safetensors';
import { Rng } from '../../../lib/util/rng';
import { events, type Figures, learned, POEMS, smallConfig, type Torture } from './torture';

/** A read that takes longer counts as a hang. */
const MOST_MS = 1000;
/** One in this number of mutants is forged: its checksum is corrected. */
const FORGED = 4;

/**
 * Mutated checkpoints. One mutated as by a disk or a network must be rejected, or read as exactly the original. A
 * forged one, with a corrected checksum, must be rejected, or load into a session with the tensors it declares. Nothing
 * may hang, or throw anything but ERR_TANGSHI_CHECKPOINT.
 */
export async function mutants({ seed, count, folder, show }: Torture): Promise<Figures> {
  const rng = Rng.of(seed, 'mutants');
  const data = join(folder, 'poems.txt');
  await writeFile(data, `${POEMS.map((poem, index) => `诗${index}:${poem}`).join('\n')}\n`);
  const run = join(folder, 'mutated');
  await events({ config: { ...smallConfig(data, 1), hiddenDim: 8, embedDim: 4 }, out: run, device: 'cpu' });
  const whole = await readFile(join(run, 'last.safetensors'));
  const original = decodeCheckpoint(whole, 'the original');
  const expected = bits(original.tensors);
  await learned(run);

  const figures = {
    mutants: 0,
    refused: 0,
    'read as written': 0,
    'forged and refused': 0,
    'forged and taken': 0,
    'slowest, ms': 0,
  };
  const { config, vocab } = original;
  await using session = await TrainingSession.open({
    model: modelConfig(config, vocab.size),
    optimizer: config.optimizer,
    device: 'cpu',
    seed: 1n,
    threads: 1,
  });
  for (; figures.mutants < count; figures.mutants++) {
    const number = figures.mutants;
    if (number % 1000 === 0) show(`${number} of ${count} mutants`);
    const forged = rng.below(FORGED) === 0;
    const mutant = forged ? forge(whole, rng) : mutate(whole, rng);
    const started = performance.now();
    const read = attempt(mutant, number);
    figures['slowest, ms'] = Math.max(figures['slowest, ms'], performance.now() - started);
    if (figures['slowest, ms'] > MOST_MS)
      throw new Error(`Mutant ${number} took ${figures['slowest, ms']} ms`);
    if (!read) figures[forged ? 'forged and refused' : 'refused']++;
    else if (!forged) {
      if (bits(read.tensors) !== expected) throw new Error(`Mutant ${number} was read as different weights`);
      figures['read as written']++;
    } else
      figures[(await restores(session, read.tensors, number)) ? 'forged and taken' : 'forged and refused']++;
  }
  return { ...figures, 'slowest, ms': figures['slowest, ms'].toFixed(0) };
}

function attempt(mutant: Uint8Array, number: number): Checkpoint | undefined {
  try {
    return decodeCheckpoint(mutant, 'the mutant');
  } catch (error) {
    if (error instanceof TangshiError && error.code === 'ERR_TANGSHI_CHECKPOINT') return undefined;
    throw new Error(`Mutant ${number}: ${error}`, { cause: error });
  }
}

/** Whether a session accepts the tensors; if so, it must have exactly these. */
async function restores(session: TrainingSession, tensors: TensorMap, number: number): Promise<boolean> {
  const before = bits(await session.snapshot());
  try {
    await session.restore(tensors);
  } catch (error) {
    if (!(error instanceof TangshiError) || error.code === 'ERR_TANGSHI_LIBTORCH')
      throw new Error(`Mutant ${number}: ${error}`);
    if (bits(await session.snapshot()) !== before)
      throw new Error(`Mutant ${number} was rejected, but changed the model`);
    return false;
  }
  const after = await session.snapshot();
  await session.train([BATCH], { lr: 0.01, clipNorm: 1 }); // whatever the values are, training must not crash
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!Buffer.from(after[name]?.data ?? []).equals(Buffer.from(data)) && !name.startsWith('rng.'))
      throw new Error(`Mutant ${number}: the session's tensor ${name} differs from the given one`);
  }
  return true;
}

function bits(tensors: TensorMap): string {
  return Object.keys(tensors)
    .sort()
    .map(
      (name) =>
        `${name} ${tensors[name]?.shape} ${Buffer.from(tensors[name]?.data ?? []).toString('latin1')}`,
    )
    .join('\n');
}

const BATCH: Batch = { inputs: Int32Array.of(1, 2), targets: Int32Array.of(2, 3), rows: 1, time: 2 };

type Mutation = (bytes: Buffer, rng: Rng) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  // Flips one to eight bits.
  (bytes, rng) => edit(bytes, rng, 1 + rng.below(8), (value) => value ^ (1 << rng.below(8))),
  (bytes, rng) => edit(bytes, rng, 1 + rng.below(16), () => rng.below(256)),
  // Replaces characters of the JSON header by others that JSON uses.
  (bytes, rng) =>
    edit(
      bytes.subarray(),
      rng,
      1 + rng.below(3),
      () => '{}[]",:0123456789-eE'.charCodeAt(rng.below(20)),
      headerEnd(bytes),
    ),
  (bytes, rng) => bytes.subarray(0, rng.below(bytes.length)),
  (bytes, rng) => Buffer.concat([bytes, Buffer.alloc(1 + rng.below(64), rng.below(256))]),
  // Removes, duplicates or moves a piece.
  (bytes, rng) => {
    const [begin, end] = piece(bytes, rng);
    return Buffer.concat([bytes.subarray(0, begin), bytes.subarray(end)]);
  },
  (bytes, rng) => {
    const [begin, end] = piece(bytes, rng);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(begin)]);
  },
  (bytes, rng) => {
    const copy = Buffer.from(bytes);
    const [begin, end] = piece(bytes, rng);
    copy.copy(copy, rng.below(bytes.length - (end - begin)), begin, end);
    return copy;
  },
  // Changes the length of the header.
  (bytes, rng) => {
    const copy = Buffer.from(bytes);
    const lengths = [0n, 1n, 8n, BigInt(bytes.length), 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n];
    copy.writeBigUInt64LE(lengths[rng.below(lengths.length)] as bigint);
    return copy;
  },
];

function mutate(whole: Buffer, rng: Rng): Buffer {
  return (MUTATIONS[rng.below(MUTATIONS.length)] as Mutation)(whole, rng);
}

function edit(
  bytes: Buffer,
  rng: Rng,
  times: number,
  value: (old: number) => number,
  end = bytes.length,
): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 0; i < times; i++) {
    const at = rng.below(end);
    copy[at] = value(copy[at] as number);
  }
  return copy;
}

function headerEnd(bytes: Buffer): number {
  return 8 + Number(bytes.readBigUInt64LE());
}

function piece(bytes: Buffer, rng: Rng): [number, number] {
  const begin = rng.below(bytes.length - 1);
  return [begin, begin + 1 + rng.below(Math.min(256, bytes.length - begin - 1))];
}

/** Changes values and corrects the checksum. */
function forge(whole: Buffer, rng: Rng): Buffer {
  const { tensors, metadata } = decodeSafetensors(whole, 'the original');
  const file = { tensors: { ...tensors }, metadata: { ...metadata } as Record<string, string> };
  delete file.metadata.checksum;
  for (let i = 0; i <= rng.below(3); i++) {
    if (rng.below(2) === 0) forgeMetadata(file.metadata, rng);
    else forgeTensors(file, rng);
  }
  file.metadata.checksum = checksum(file.metadata, file.tensors);
  return Buffer.concat(encodeSafetensors(file));
}

const STRANGE = [
  null,
  true,
  -1,
  0,
  0.5,
  1e308,
  2 ** 53,
  '',
  'E',
  '鱻',
  '\ud800',
  '__proto__',
  [],
  {},
  [[]],
  'lstm',
] as const;

function forgeMetadata(metadata: Record<string, string>, rng: Rng): void {
  const keys = ['config', 'corpus', 'progress', 'vocab'];
  const key = keys[rng.below(keys.length)] as string;
  let value: unknown;
  try {
    value = JSON.parse(metadata[key] ?? '');
  } catch {
    value = {};
  }
  const strange = STRANGE[rng.below(STRANGE.length)];
  // Changes a value at a random depth.
  let at = value;
  while (typeof at === 'object' && at !== null && Object.keys(at).length > 0) {
    const names = Object.keys(at);
    const name = names[rng.below(names.length)] as string;
    const next = (at as Record<string, unknown>)[name];
    if (typeof next === 'object' && next !== null && rng.below(3) > 0) {
      at = next;
      continue;
    }
    if (rng.below(4) === 0) delete (at as Record<string, unknown>)[name];
    else (at as Record<string, unknown>)[name] = strange;
    break;
  }
  metadata[key] = rng.below(20) === 0 ? JSON.stringify(strange) : JSON.stringify(value);
}

function forgeTensors(file: { tensors: Record<string, TensorData> } & SafetensorsFile, rng: Rng): void {
  const names = Object.keys(file.tensors);
  const name = names[rng.below(names.length)] as string;
  const tensor = file.tensors[name] as TensorData;
  const ways = [
    () => delete file.tensors[name],
    () => (file.tensors[`${name}.other`] = tensor),
    () => (file.tensors[name] = { ...tensor, shape: [...tensor.shape].reverse() }),
    () => (file.tensors[name] = { ...tensor, shape: [tensor.data.length], dtype: 'U8' }),
    () => (file.tensors[name] = { ...tensor, shape: [tensor.data.length >> 1], dtype: 'F16' }),
    () => (file.tensors[name] = { ...tensor, shape: [...tensor.shape, 1] }),
    () => (file.tensors[name] = { ...tensor, data: Uint8Array.from(tensor.data, () => rng.below(256)) }),
  ];
  (ways[rng.below(ways.length)] as () => unknown)();
}
