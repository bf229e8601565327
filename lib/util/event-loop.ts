import { setImmediate } from 'node:timers/promises';

/** Like `items.map(work)`, but lets the event loop run between two items, so that long lists do not block it. */
export async function mapWithoutBlocking<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => R,
): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) {
    if (index > 0) await setImmediate();
    results.push(work(item, index));
  }
  return results;
}
