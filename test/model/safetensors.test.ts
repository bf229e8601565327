import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TensorMap } from '../../lib';
import { decodeSafetensors, encodeSafetensors } from '../../lib/model/safetensors';

const tensors: TensorMap = {
  b: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  a: { dtype: 'F32', shape: [2, 1], data: new Uint8Array(Float32Array.of(1.5, -2).buffer) },
  step: { dtype: 'I64', shape: [], data: new Uint8Array(BigInt64Array.of(7n).buffer) },
  empty: { dtype: 'F32', shape: [0, 4], data: new Uint8Array(0) },
};
const metadata = { format: 'test', poem: '湖' };
const bytes = () => Buffer.concat(encodeSafetensors({ tensors, metadata }));
const decode = (file: Uint8Array) => decodeSafetensors(file, 'it');

/** A file with this header and body. */
function file(header: unknown, body = Buffer.alloc(0)): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, body]);
}

test('reads what it wrote', () => {
  const read = decode(bytes());
  expect(read.metadata).toEqual(metadata);
  expect(Object.keys(read.tensors).sort()).toEqual(['a', 'b', 'empty', 'step']);
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    expect(read.tensors[name]).toMatchObject({ dtype, shape });
    expect(Buffer.from(read.tensors[name]?.data as Uint8Array)).toEqual(Buffer.from(data));
  }
});

test('every tensor is aligned to the size of its elements', () => {
  const { tensors: read } = decode(new Uint8Array(bytes()));
  expect((read.a?.data.byteOffset as number) % 4).toBe(0);
  expect((read.step?.data.byteOffset as number) % 8).toBe(0);
});

test('every truncation is rejected', () => {
  const whole = bytes();
  for (let length = 0; length < whole.length; length++) {
    expect(() => decode(whole.subarray(0, length))).toThrow(
      expect.objectContaining({ code: 'ERR_TANGSHI_CHECKPOINT' }),
    );
  }
});

const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
const body = Buffer.alloc(8);
test.each<[string, Buffer]>([
  ['not JSON', file('{', body)],
  ['an array', file([], body)],
  [
    'a duplicate tensor',
    file(
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
      body,
    ),
  ],
  [
    'a duplicate tensor, once with escapes',
    file(
      '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    ),
  ],
  [
    'a duplicate key of a tensor',
    file('{"a":{"dtype":"F32","shape":[4],"shape":[2],"data_offsets":[0,8]}}', body),
  ],
  ['a duplicate key in the metadata', file('{"__metadata__":{"x":"1","x":"2"}}')],
  ['null', file(null)],
  ['a header length beyond the end of the file', Buffer.from([255, 255, 255, 255, 255, 255, 255, 127])],
  ['metadata that is not strings', file({ __metadata__: { a: 1 } })],
  ['an unknown type', file({ a: { ...entry, dtype: 'F31' } }, body)],
  ['a type named like an inherited property', file({ a: { ...entry, dtype: 'constructor' } }, body)],
  ['a negative length', file({ a: { ...entry, shape: [-2] } }, body)],
  ['a fractional length', file({ a: { ...entry, shape: [0.5] } }, body)],
  ['a shape that does not match the offsets', file({ a: { ...entry, shape: [3] } }, body)],
  ['a shape that overflows', file({ a: { ...entry, shape: [2 ** 40, 2 ** 40] } }, body)],
  ['offsets beyond the file', file({ a: { ...entry, shape: [4], data_offsets: [0, 16] } }, body)],
  ['reversed offsets', file({ a: { ...entry, data_offsets: [8, 0] } }, body)],
  ['bytes before the first tensor', file({ a: { ...entry, shape: [1], data_offsets: [4, 8] } }, body)],
  ['bytes after the last tensor', file({ a: { ...entry, shape: [1], data_offsets: [0, 4] } }, body)],
  ['bytes without a tensor', file({}, body)],
  ['overlapping tensors', file({ a: entry, b: { ...entry, shape: [1], data_offsets: [4, 8] } }, body)],
])('%s is rejected', (_, bad) => {
  expect(() => decode(bad)).toThrow(expect.objectContaining({ code: 'ERR_TANGSHI_CHECKPOINT' }));
});

test('a tensor may be called __proto__', () => {
  const read = decode(file(`{"__proto__": ${JSON.stringify(entry)}}`, body));
  expect(Object.keys(read.tensors)).toEqual(['__proto__']);
});

const python = (() => {
  try {
    execFileSync('python3', ['-c', 'import safetensors.numpy'], { stdio: 'ignore' });
    return test;
  } catch {
    return test.skip; // skipped if Python has no safetensors
  }
})();

python('Python reads what was written', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tangshi-safetensors-'));
  try {
    const path = join(folder, 'a.safetensors');
    writeFileSync(path, bytes());
    const program = `
import sys
from safetensors.numpy import load_file, save_file
tensors = load_file(sys.argv[1])
assert tensors['a'].tolist() == [[1.5], [-2.0]] and tensors['step'].item() == 7, tensors
save_file(tensors, sys.argv[1] + '.back', metadata={'by': 'python'})`;
    execFileSync('python3', ['-c', program, path]);
    const read = decode(readFileSync(`${path}.back`));
    expect(read.metadata).toEqual({ by: 'python' });
    expect(read.tensors.b?.data).toEqual(tensors.b?.data);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('different objects may have the same keys, and strings may look like keys', () => {
  const tensor = { dtype: 'U8', shape: [0], data_offsets: [0, 0] };
  const text = '"a":1,"a":2,{"dtype":';
  const read = decode(
    file({ a: tensor, dtype: tensor, shape: tensor, __metadata__: { a: text, dtype: '\\"' } }),
  );
  expect(Object.keys(read.tensors)).toEqual(['a', 'dtype', 'shape']);
  expect(read.metadata.a).toBe(text);
});
