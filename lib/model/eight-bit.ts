import type { TensorData, TensorMap } from '../native/contract';
import { TangshiError } from '../util/errors';

/** Name of the tensor with the scales of an 8-bit weight. */
const SCALE = '.scale';
/** Largest 8-bit number used: symmetric around 0. */
const LARGEST = 127;

/**
 * Rounds each weight matrix, in single precision, to 8 bits: a row is its scale, in single precision, times integers from
 * -127 to 127. Vectors stay as they are.
 *
 * @throws ERR_TANGSHI_INVALID_ARG if a weight is NaN or infinite.
 */
export function toEightBit(tensors: TensorMap): TensorMap {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]): [string, TensorData][] => {
      if (tensor.dtype !== 'F32' || tensor.shape.length !== 2) return [[name, tensor]];
      const { integers, scales } = rounded(name, tensor);
      return [
        [name, integers],
        [name + SCALE, scales],
      ];
    }),
  );
}

/**
 * The inverse, without the scales. Other tensors stay as they are.
 *
 * @param where Names the file in errors.
 * @throws ERR_TANGSHI_CHECKPOINT if 8-bit weights have no scale for each row.
 */
export function fromEightBit(tensors: TensorMap, where: string): TensorMap {
  const entries = Object.entries(tensors).filter(([name]) => !isScale(name, tensors));
  return Object.fromEntries(
    entries.map(([name, tensor]) => {
      if (tensor.dtype !== 'I8') return [name, tensor];
      const scales = tensors[name + SCALE];
      if (scales?.dtype === 'F32' && scales.shape.length === 1 && scales.shape[0] === tensor.shape[0])
        return [name, restored(tensor, scales)];
      throw new TangshiError(
        'ERR_TANGSHI_CHECKPOINT',
        `${where} is damaged: tensor ${name} has 8 bits, but no scale for each row`,
      );
    }),
  );
}

function isScale(name: string, tensors: TensorMap): boolean {
  return name.endsWith(SCALE) && tensors[name.slice(0, -SCALE.length)]?.dtype === 'I8';
}

function rounded(name: string, { shape, data }: TensorData): { integers: TensorData; scales: TensorData } {
  const [rows = 0, columns = 0] = shape;
  const values = floatsOf(data);
  const integers = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const first = row * columns;
    let largest = 0; // NaN if there is one
    for (let i = first; i < first + columns; i++) largest = Math.max(largest, Math.abs(values[i] as number));
    if (!Number.isFinite(largest))
      throw new TangshiError(
        'ERR_TANGSHI_INVALID_ARG',
        `The tensor ${name} has a weight that is NaN or infinite`,
      );
    const scale = Math.fround(largest / LARGEST);
    scales[row] = scale;
    if (scale === 0) continue; // a row of zeros
    for (let i = first; i < first + columns; i++) integers[i] = Math.round((values[i] as number) / scale);
  }
  return {
    integers: { dtype: 'I8', shape, data: bytesOf(integers) },
    scales: { dtype: 'F32', shape: [rows], data: bytesOf(scales) },
  };
}

function restored({ shape, data }: TensorData, { data: scaleData }: TensorData): TensorData {
  const columns = data.length / (shape[0] ?? 1);
  const integers = new Int8Array(data.buffer, data.byteOffset, data.length);
  const scales = floatsOf(scaleData);
  const values = Float32Array.from(integers, (n, i) => n * (scales[Math.floor(i / columns)] as number));
  return { dtype: 'F32', shape, data: bytesOf(values) };
}

/** A copy, since the bytes may have any alignment. */
function floatsOf(data: Uint8Array): Float32Array {
  return new Float32Array(data.slice().buffer);
}

function bytesOf({ buffer, byteOffset, byteLength }: Int8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
