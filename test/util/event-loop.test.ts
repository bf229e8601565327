import { mapWithoutBlocking } from '../../lib/util/event-loop';

/** Blocks for longer than the time after which mapWithoutBlocking yields. */
const work = (milliseconds = 6) => {
  const start = performance.now();
  while (performance.now() - start < milliseconds);
};

test('yields to the event loop between slow items, and keeps the results in order', async () => {
  let [turns, doing] = [0, true];
  const turn = () => {
    turns++;
    if (doing) setImmediate(turn);
  };
  setImmediate(turn);
  const seen: number[] = [];
  const results = await mapWithoutBlocking([...'床前明月光'], (char, index) => {
    seen.push(turns);
    work();
    return `${index}${char}`;
  });
  doing = false;
  expect(results).toEqual(['0床', '1前', '2明', '3月', '4光']);
  expect(new Set(seen).size).toBe(5);
});

test('a short list is processed without yielding', async () => {
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  expect(await mapWithoutBlocking([1, 2, 3], (x) => x * 2)).toEqual([2, 4, 6]);
  expect(turned).toBe(false);
});
