/** Maximum time of work without yielding to the event loop, in milliseconds. */
const SLICE = 5;

/** Lets the event loop run once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve); // in a browser
  });
}

/** Like `items.map(work)`, but lets the event loop run every few milliseconds, so that long lists do not block it. */
export async function mapWithoutBlocking<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => R,
): Promise<R[]> {
  const results: R[] = [];
  let started = performance.now();
  for (const [index, item] of items.entries()) {
    if (performance.now() - started > SLICE) {
      await nextTurn();
      started = performance.now();
    }
    results.push(work(item, index));
  }
  return results;
}
