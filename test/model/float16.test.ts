import { fromHalf, toHalf } from '../../lib/model/float16';

const bytesOf = (array: Float32Array | Uint16Array) => new Uint8Array(array.buffer);
const halves = (...values: number[]) => new Uint16Array(toHalf(bytesOf(Float32Array.from(values))).buffer);
const singles = (bytes: Uint8Array) => new Float32Array(bytes.buffer);

test('every half-precision value round-trips through single precision', () => {
  const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
  const there = fromHalf(bytesOf(all));
  const back = new Uint16Array(toHalf(there).buffer);
  const values = singles(there);
  const changed = all.filter((half, i) => !Number.isNaN(values[i]) && back[i] !== half);
  expect([...changed]).toEqual([]);
  expect(values.filter(Number.isNaN)).toHaveLength(2 * 1023);
  expect(back.filter((_, i) => Number.isNaN(values[i])).every((half) => (half & 0x7fff) > 0x7c00)).toBe(true);
});

// IEEE 754: 11 significant bits, exponents from -14 to 15, steps of 2^-24 below that.
test.each([
  ['1', 1, 0x3c00],
  ['-2', -2, 0xc000],
  ['-0', -0, 0x8000],
  ['the largest', 65_504, 0x7bff],
  ['rounds down to the largest', 65_519, 0x7bff],
  ['rounds up to infinity', 65_520, 0x7c00],
  ['far below the range', -1e30, 0xfc00],
  ['the smallest', 2 ** -24, 0x0001],
  ['half of the smallest, to even', 2 ** -25, 0x0000],
  ['slightly more than half of the smallest', 2 ** -25 * 1.001, 0x0001],
  ['1.5 times the smallest, to even', 3 * 2 ** -25, 0x0002],
  ['the smallest normal', 2 ** -14, 0x0400],
  ['the largest subnormal', 2 ** -14 - 2 ** -24, 0x03ff],
  ['a tie, down to even', 1 + 2 ** -11, 0x3c00],
  ['a tie, up to even', 1 + 3 * 2 ** -11, 0x3c02],
  ['above a tie', 1 + 2 ** -11 + 2 ** -20, 0x3c01],
  ['rounding up to the next power of two', 2 - 2 ** -12, 0x4000],
])('%s', (_, value, half) => {
  expect(halves(value)[0]).toBe(half);
});

test('bytes of any alignment', () => {
  const data = new Uint8Array(9).subarray(1);
  data.set(bytesOf(Float32Array.of(1.5, -3)));
  expect([...singles(fromHalf(toHalf(data)))]).toEqual([1.5, -3]);
});

test('the error is at most half a unit in the last place', () => {
  const values = Array.from({ length: 20_000 }, (_, i) => Math.sin(i) * 2 ** ((i % 20) - 12));
  const back = singles(fromHalf(toHalf(bytesOf(Float32Array.from(values)))));
  for (const [i, value] of values.entries()) {
    const step = 2 ** Math.max(-24, Math.floor(Math.log2(Math.abs(value))) - 10);
    expect(Math.abs((back[i] as number) - value)).toBeLessThanOrEqual(step * 0.5001);
  }
});
