/** IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits. Node 20 has no Float16Array. */

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The nearest half, ties to even; infinite beyond 65,504. */
function halfOf(value: number): number {
  float[0] = value;
  const single = bits[0] as number;
  const sign = (single >>> 16) & 0x8000;
  const magnitude = single & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // A carry from rounding correctly increments the exponent.
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // Below 2^-14, half-precision values are evenly spaced by 2^-24. Adding 0.5 makes that the last bit of the fraction.
  float[0] = Math.abs(value) + 0.5;
  return sign | ((bits[0] as number) - 0x3f000000);
}

function singleOf(half: number): number {
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** @param data Little-endian single precision, with any alignment. */
export function toHalf(data: Uint8Array): Uint8Array {
  const singles = new Float32Array(data.slice().buffer);
  const halves = new Uint16Array(singles.length);
  for (let i = 0; i < halves.length; i++) halves[i] = halfOf(singles[i] as number);
  return new Uint8Array(halves.buffer);
}

/** @param data Little-endian half precision, with any alignment. */
export function fromHalf(data: Uint8Array): Uint8Array {
  values ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => singleOf(half));
  const halves = new Uint16Array(data.slice().buffer);
  const singles = new Float32Array(halves.length);
  for (let i = 0; i < singles.length; i++) singles[i] = values[halves[i] as number] as number;
  return new Uint8Array(singles.buffer);
}

/** The values of all 2^16 half-precision numbers. */
let values: Float32Array | undefined;
