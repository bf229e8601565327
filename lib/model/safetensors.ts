import type { Dtype, TensorData, TensorMap } from '../native/contract';
import { TangshiError } from '../util/errors';

/** The limit of the format: https://huggingface.co/docs/safetensors */
export const MAX_HEADER = 100_000_000;
const BYTES = { I64: 8, F32: 4, F16: 2, I8: 1, U8: 1 } as const;

export type SafetensorsFile = Readonly<{
  tensors: TensorMap;
  metadata: Readonly<Record<string, string>>;
}>;

type HeaderEntry = Readonly<{
  dtype: Dtype;
  shape: readonly number[];
  data_offsets: readonly [number, number];
}>;

/** The bytes of a safetensors file, in pieces to write one after the other. Tensors are not copied. */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array[] {
  // Larger types first, so that every tensor is aligned to its element size.
  const entries = Object.entries(tensors).sort(
    ([a, x], [b, y]) => BYTES[y.dtype] - BYTES[x.dtype] || (a < b ? -1 : 1),
  );
  const header: Record<string, HeaderEntry | SafetensorsFile['metadata']> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padding = new Uint8Array(-json.length & 7).fill(0x20);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length + padding.length), true);
  return [length, json, padding, ...entries.map(([, { data }]) => data)];
}

/**
 * Decodes a file; the tensors are views of `bytes`. Checks every rule of the format: sizes, ranges within the file, no
 * overlaps, no gaps. Accepts the types F32, F16, I64, I8 and U8.
 *
 * @param where Names the file in errors.
 * @throws ERR_TANGSHI_CHECKPOINT
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): SafetensorsFile {
  const { header, body } = splitHeader(bytes, where);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isStringMap(metadata)) throw damaged(where, 'its metadata is not a map of strings');
  const tensors: Record<string, TensorData> = Object.create(null);
  let covered = 0;
  for (const [name, entry] of Object.entries(entries).sort(byOffset)) {
    if (hasOtherType(entry)) {
      throw new TangshiError(
        'ERR_TANGSHI_CHECKPOINT',
        `The tensor ${name} of ${where} has the type ${entry.dtype}: save it as float32 (supported: F32, F16, I64, I8, U8)`,
      );
    }
    if (!isEntry(entry)) throw damaged(where, `tensor ${name} has no valid dtype, shape and data_offsets`);
    const { dtype, shape, data_offsets } = entry;
    const [begin, end] = data_offsets;
    if (begin !== covered || end > body.length) throw damaged(where, `tensor ${name} has the wrong offsets`);
    const elements = shape.reduce((product, length) => product * length, 1);
    if (elements * BYTES[dtype] !== end - begin)
      throw damaged(where, `tensor ${name} does not have the size of its shape`);
    tensors[name] = { dtype, shape, data: body.subarray(begin, end) };
    covered = end;
  }
  if (covered !== body.length) throw damaged(where, 'it has bytes outside of all tensors');
  return { tensors, metadata };
}

function splitHeader(
  bytes: Uint8Array,
  where: string,
): { header: Record<string, unknown>; body: Uint8Array } {
  const length = bytes.length < 8 ? Number.NaN : headerLength(bytes);
  if (!(length <= MAX_HEADER && length <= bytes.length - 8))
    throw damaged(where, 'it is truncated, or not a safetensors file');
  const json = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(8, 8 + length));
  let header: unknown;
  try {
    header = JSON.parse(json);
  } catch {
    throw damaged(where, 'its header is not JSON');
  }
  if (hasDuplicateKey(json)) throw damaged(where, 'its header has a key twice');
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw damaged(where, 'its header is not an object');
  }
  // A plain Uint8Array, whose slice() copies, unlike a Buffer's.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + length, bytes.length - 8 - length);
  return { header: header as Record<string, unknown>, body };
}

/** Length of the header, from the first eight bytes. */
export function headerLength({ buffer, byteOffset }: Uint8Array): number {
  return Number(new DataView(buffer, byteOffset, 8).getBigUint64(0, true));
}

/** Whether an object in valid JSON has a duplicate key: `JSON.parse` takes the last one, but the format forbids it. */
function hasDuplicateKey(json: string): boolean {
  const open: Set<string>[] = []; // keys of the open objects; an array has none
  for (const [token, string, colon] of json.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")\s*(:)?|[{}[\]]/gs)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (string !== undefined && colon !== undefined) {
      const keys = open.at(-1) as Set<string>;
      const key = JSON.parse(string) as string;
      if (keys.has(key)) return true;
      keys.add(key);
    }
  }
  return false;
}

function byOffset([, a]: [string, unknown], [, b]: [string, unknown]): number {
  const begin = (entry: unknown) => (isEntry(entry) ? entry.data_offsets[0] + entry.data_offsets[1] : -1);
  return begin(a) - begin(b);
}

/** Whether the type is valid in the format, but not supported here. */
function hasOtherType(entry: unknown): entry is { dtype: string } {
  const { dtype } = Object(entry) as { dtype?: unknown };
  return typeof dtype === 'string' && /^(BOOL|I16|U16|BF16|I32|U32|F64|U64|F8_.*)$/.test(dtype);
}

/** Whether a value names a supported type. */
export function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(BYTES, value);
}

function isEntry(entry: unknown): entry is HeaderEntry {
  if (typeof entry !== 'object' || entry === null) return false;
  const { dtype, shape, data_offsets: offsets } = entry as Partial<Record<keyof HeaderEntry, unknown>>;
  const isLength = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  return (
    typeof dtype === 'string' &&
    Object.hasOwn(BYTES, dtype) &&
    Array.isArray(shape) &&
    shape.every(isLength) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isLength)
  );
}

function isStringMap(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => typeof entry === 'string')
  );
}

function damaged(where: string, reason: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_CHECKPOINT', `${where} is damaged: ${reason}`);
}
