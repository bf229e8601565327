import { LineFilter, versesOf } from '../../lib/data/line-filter';
import { Rng } from '../../lib/util/rng';

const verse = (rng: Rng, length = 5) =>
  String.fromCodePoint(...Array.from({ length }, () => 0x4e00 + rng.below(5000)));
const rng = Rng.of(1);
const lines = Array.from({ length: 20_000 }, () => verse(rng));

test('contains every line added; about 1 in 100 others is a false positive', () => {
  const set = LineFilter.of(lines.map((line) => `${line}，${line}。`));
  expect(lines.every((line) => set.has(line))).toBe(true);
  expect(set.bytes.length).toBeLessThanOrEqual((20_000 * 10) / 8);
  const strangers = Array.from({ length: 20_000 }, () => verse(rng, 6));
  const mistaken = strangers.filter((line) => set.has(line)).length;
  expect(mistaken).toBeGreaterThan(60);
  expect(mistaken).toBeLessThan(340);
});

test('round-trips through its bytes', () => {
  const set = LineFilter.of(lines.slice(0, 100));
  const copy = new LineFilter(Uint8Array.from(set.bytes));
  expect(lines.slice(0, 100).every((line) => copy.has(line))).toBe(true);
});

test('lines of three characters are ignored, and an empty filter contains nothing', () => {
  expect(LineFilter.of(['春江月']).has('春江月')).toBe(false);
  expect(LineFilter.of([]).has('床前明月光')).toBe(false);
});

test('verses', () => {
  expect(versesOf('白日依山尽，黄河入海流。')).toEqual(['白日依山尽', '黄河入海流']);
  expect(versesOf('，。')).toEqual([]);
});
