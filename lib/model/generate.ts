import type { Sample } from '../native/contract';
import type { CallOptions } from '../native/job';
import { throwIfAborted } from '../util/errors';
import { mapWithoutBlocking } from '../util/event-loop';
import type { DraftQueue } from './draft-queue';
import { bestDraft, planDrafts } from './drafts';
import type { Poem } from './poem-options';
import type { PoemRequest } from './poem-request';

/** Drafts to plan at a time: their plans are in memory together. */
const MAX_DRAFTS = 1024;

/**
 * Generates `count` poems: poem i has the seed `request.seed + i`.
 *
 * @throws ERR_TANGSHI_INVALID_ARG if the form does not allow the prompt. AbortError
 */
export async function generatePoems(
  queue: DraftQueue,
  request: PoemRequest,
  count: number,
  { signal }: CallOptions,
): Promise<Poem[]> {
  const { bestOf } = request;
  const poemsPerCall = Math.max(1, Math.floor(MAX_DRAFTS / bestOf));
  const poems: Poem[] = [];
  while (poems.length < count) {
    throwIfAborted(signal);
    const length = Math.min(poemsPerCall, count - poems.length);
    const first = request.seed + poems.length;
    const seeds = Array.from({ length }, (_, i) => first + i);
    const drafts = (await mapWithoutBlocking(seeds, (seed) => planDrafts(request, seed))).flat();
    const samples = await queue.draw({ ...request, drafts }, { signal });
    for (const [i, seed] of seeds.entries()) {
      const own = samples.slice(i * bestOf, (i + 1) * bestOf);
      poems.push(toPoem(await bestDraft(own, request), request, seed));
    }
  }
  return poems;
}

/**
 * Generates one poem and yields its characters as they are drawn, starting with those of the prompt. Returns the poem,
 * which may lack an unfinished sentence at the end of what was yielded. Breaking out of the loop cancels generation.
 *
 * @throws Like `generatePoems`.
 */
export async function* streamPoem(
  queue: DraftQueue,
  request: PoemRequest,
  { signal }: CallOptions,
): AsyncGenerator<string, Poem, void> {
  const { vocab } = request.model;
  const drafts = planDrafts(request, request.seed);
  const left = new AbortController();
  const ids: number[] = [];
  const changed = new Wakeup();
  const onToken = (_: number, id: number) => {
    ids.push(id);
    changed.notify();
  };
  const signals = signal ? [left.signal, signal] : [left.signal];
  let settled = false;
  const drawn = queue.draw({ ...request, drafts }, { signal: AbortSignal.any(signals), onToken });
  const settle = () => {
    settled = true;
    changed.notify();
  };
  drawn.then(settle, settle);
  try {
    yield* request.prompt;
    let yielded = 0;
    while (!settled) {
      const change = changed.next();
      while (yielded < ids.length) yield vocab.decode([ids[yielded++] as number]);
      if (!settled) await change;
    }
    const [sample] = (await drawn) as [Sample];
    // The last ids may not have been reported yet.
    for (const id of sample.ids.subarray(yielded)) yield vocab.decode([id]);
    return toPoem(sample, request, request.seed);
  } finally {
    left.abort();
  }
}

/** Wakes a single waiting loop. */
class Wakeup {
  #wake: () => void = () => undefined;

  /** Resolves at the next `notify`. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  notify(): void {
    this.#wake();
  }
}

function toPoem(sample: Sample, request: PoemRequest, seed: number): Poem {
  const { model, form, title, prompt, toScript } = request;
  const drawn = model.vocab.decode(sample.ids);
  const text = toScript(prompt + (sample.ended ? drawn : withoutUnfinished(drawn)));
  const stanzas = form?.stanzasOf(text) ?? [text.split(/(?<=[。！？；])/u)];
  return {
    text,
    ...(title !== undefined && { title: toScript(title) }),
    lines: stanzas.flat(),
    stanzaLengths: stanzas.map(({ length }) => length),
    complete: sample.ended,
    logProb: sample.logProb,
    seed,
  };
}

/** The text up to its last complete sentence; all of it if there is none. */
function withoutUnfinished(text: string): string {
  const end = Math.max(...['。', '！', '？'].map((mark) => text.lastIndexOf(mark)));
  return end < 0 ? text : text.slice(0, end + 1);
}
