/** Maximum time of work without yielding to the event loop, in milliseconds. */
const SLICE = 5;

/** What browsers have, and Node's types lack. */
type BrowserChannel = Readonly<{
  port1: { onmessage: () => void; close: () => void };
  port2: { postMessage: (message: unknown) => void };
}>;

/** Lets the event loop run once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') return void setImmediate(resolve);
    // In a browser, where timers of a page in the background run once a second or less.
    const { port1, port2 } = new MessageChannel() as unknown as BrowserChannel;
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
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
