import { newRunFolder } from '../../lib/train/run-folder';

const at = (second: number) =>
  newRunFolder('corpora/my poems.txt', 'default', new Date(Date.UTC(2024, 0, 31, 12, 0, second)));

test('the name of a new run contains its time, corpus and preset', () => {
  expect(at(5)).toMatch(/^runs\/20240131-120005-my-poems-txt-default-[0-9a-f]{6}$/);
});

test('runs started in the same second have different names', () => {
  expect(new Set(Array.from({ length: 20 }, () => at(5))).size).toBe(20);
});

test('names sort by time', () => {
  const names = [59, 5, 10].map(at);
  expect(names.toSorted()).toEqual([names[1], names[2], names[0]]);
});
