import fc from 'fast-check';
import { Rng } from '../../lib/util/rng';

const draw = (rng: Rng, count: number) => Array.from({ length: count }, () => rng.uint32());

test('is xoshiro128** (output of its reference C program, seeded with 1 2 3 4)', () => {
  expect(draw(new Rng([1, 2, 3, 4]), 8)).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849,
  ]);
});

test('a stream depends on its seed and labels', () => {
  const streams = [
    Rng.of(1),
    Rng.of(2),
    Rng.of(-1),
    Rng.of(2n ** 64n),
    Rng.of(1, 0),
    Rng.of(1, 1),
    Rng.of(1, 'a', 'b'),
    Rng.of(1, 'ab'),
    Rng.of(1, 'a"', '"b'),
  ].map((rng) => draw(rng, 4).join());
  expect(new Set(streams).size).toBe(streams.length);
  expect(draw(Rng.of(7n, 'epoch', 3), 4)).toEqual(draw(Rng.of(7, 'epoch', 3), 4));
});

test('streams do not change between versions', () => {
  expect(draw(Rng.of(42, 'epoch', 0), 3)).toEqual([3291013811, 605188866, 585148290]);
});

test('below is in range and uniform', () => {
  const counts = new Array<number>(6).fill(0);
  const rng = Rng.of(5);
  for (let round = 0; round < 60_000; round++) {
    const face = rng.below(6);
    counts[face] = (counts[face] as number) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  expect(rng.below(1)).toBe(0);
  expect(rng.below(2 ** 32)).toBeLessThan(2 ** 32);
});

test('a large bound has no modulo bias', () => {
  // With a plain remainder of 2^32, the lower third would be twice as frequent as the rest.
  const bound = 3 * 2 ** 30;
  const rng = Rng.of(6);
  let low = 0;
  for (let round = 0; round < 30_000; round++) if (rng.below(bound) < 2 ** 30) low++;
  expect(Math.abs(low - 10_000)).toBeLessThan(500);
});

test('shuffle keeps every item and reaches every order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
      const shuffled = Rng.of(seed).shuffle([...items]);
      expect([...shuffled].sort()).toEqual([...items].sort());
      expect(Rng.of(seed).shuffle([...items])).toEqual(shuffled);
    }),
  );
  const orders = new Set(
    Array.from({ length: 300 }, (_, seed) => Rng.of(seed).shuffle(['a', 'b', 'c', 'd']).join('')),
  );
  expect(orders.size).toBe(24);
});

test.each([1.5, Number.NaN, 2 ** 60])('seed %p is rejected', (seed) => {
  expect(() => Rng.of(seed)).toThrow(expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG' }));
});

test.each([0, -1, 1.5, 2 ** 32 + 1, Number.NaN])('bound %p is rejected', (bound) => {
  expect(() => Rng.of(1).below(bound)).toThrow(expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG' }));
});

test('an all-zero state, which would stay zero, is rejected', () => {
  expect(() => new Rng([0, 0, 0, 0])).toThrow(expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG' }));
});
