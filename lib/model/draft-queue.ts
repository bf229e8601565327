import type { GenerateOptions, Sample } from '../native/contract';
import type { GenerateCallOptions } from '../native/job';
import type { TrainingSession } from '../native/training-session';
import { AbortError, throwIfAborted } from '../util/errors';
import { nextTurn } from '../util/event-loop';
import type { Form } from '../verse/forms';

/** Continues prompts: the method `generate` of a session. */
export type GenerateSequences = TrainingSession['generate'];

/** Sampling options, the same for all drafts of a call. */
export type Sampling = Omit<GenerateOptions, 'seeds' | 'streams' | 'constraint'>;

/** A draft: drawn from a stream of a seed, in a form by a plan. */
export type Draft = Readonly<{ seed: number; stream: number; plan?: Int32Array }>;

/** Drafts that continue the same ids in the same way. */
export type DraftCall = Readonly<{
  promptIds: Int32Array;
  sampling: Sampling;
  form: Form | undefined;
  drafts: readonly Draft[];
}>;

/** Most drafts that are drawn together: a batch keeps others waiting for up to 0.2 s, and larger ones are no faster. */
const MAX_BATCH = 48;

/** A call in the queue. */
type Entry = {
  readonly call: DraftCall;
  readonly key: string;
  readonly options: GenerateCallOptions;
  readonly samples: Sample[];
  /** Settles the call; later calls have no effect. */
  readonly finish: () => void;
  readonly fail: (error: unknown) => void;
  /** Number of drafts that are drawn, or being drawn. */
  taken: number;
  settled: boolean;
};

/** Drafts of an entry in a batch. */
type Part = Readonly<{ entry: Entry; first: number; drafts: readonly Draft[] }>;

/**
 * The drafts that a model has to draw. Calls take turns, so that a long one does not keep a short one waiting; calls with
 * the same options are drawn together, which costs little more than one of them. A draft does not depend on others.
 */
export class DraftQueue {
  readonly #generate: GenerateSequences;
  #waiting: Entry[] = [];
  #isDrawing = false;

  constructor(generate: GenerateSequences) {
    this.#generate = generate;
  }

  /**
   * Draws the drafts of a call.
   *
   * @throws Like `InferenceSession.generate`.
   */
  draw(call: DraftCall, options: GenerateCallOptions): Promise<Sample[]> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const abort = () => entry.fail(new AbortError(signal?.reason));
      const end = () => {
        entry.settled = true;
        signal?.removeEventListener('abort', abort);
      };
      const entry: Entry = {
        call,
        key: keyOf(call.sampling),
        options,
        samples: [],
        taken: 0,
        settled: false,
        finish: () => {
          end();
          resolve(entry.samples);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      signal?.addEventListener('abort', abort);
      this.#waiting.push(entry);
      if (!this.#isDrawing) void this.#drawAll();
    });
  }

  async #drawAll(): Promise<void> {
    this.#isDrawing = true;
    await nextTurn(); // for calls of the same turn of the event loop
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      try {
        await this.#drawBatch(batch);
      } catch (error) {
        for (const { entry } of batch) entry.fail(error);
      }
      // Calls that came in the meantime are first.
      this.#waiting.push(...batch.map(({ entry }) => entry).filter(({ settled }) => !settled));
    }
    this.#isDrawing = false;
  }

  /** The next drafts of the first call, and of others that can be drawn with them; these calls leave the queue. */
  #nextBatch(): Part[] {
    this.#waiting = this.#waiting.filter(({ settled }) => !settled);
    const [first] = this.#waiting;
    const alike = this.#waiting.filter(
      ({ key, call }) => key === first?.key && call.form === first.call.form,
    );
    let room = MAX_BATCH;
    const parts: Part[] = [];
    for (const entry of alike) {
      if (room === 0) break;
      const drafts = entry.call.drafts.slice(entry.taken, entry.taken + room);
      parts.push({ entry, first: entry.taken, drafts });
      entry.taken += drafts.length;
      room -= drafts.length;
    }
    const taken = new Set(parts.map(({ entry }) => entry));
    this.#waiting = this.#waiting.filter((entry) => !taken.has(entry));
    return parts;
  }

  async #drawBatch(parts: readonly Part[]): Promise<void> {
    const rows = parts.flatMap((part) =>
      part.drafts.map((draft, i) => ({ part, draft, index: part.first + i })),
    );
    const { sampling, form } = (parts[0] as Part).entry.call;
    const plans = rows.flatMap(({ draft }) => draft.plan ?? []);
    const watched = parts.some(({ entry }) => entry.options.onToken);
    const { signal, unlink } = abortedWithAll(parts.map(({ entry }) => entry.options.signal));
    try {
      const samples = await this.#generate(
        rows.map(({ part }) => part.entry.call.promptIds),
        {
          ...sampling,
          seeds: BigUint64Array.from(rows, ({ draft }) => BigInt(draft.seed)),
          streams: Uint32Array.from(rows, ({ draft }) => draft.stream),
          constraint: form?.constraint(plans),
        },
        {
          signal,
          onToken: watched
            ? (row, id) => {
                const { part, index } = rows[row] as (typeof rows)[number];
                if (!part.entry.settled) part.entry.options.onToken?.(index, id);
              }
            : undefined,
        },
      );
      for (const [row, { part, index }] of rows.entries()) part.entry.samples[index] = samples[row] as Sample;
    } finally {
      unlink();
    }
    for (const { entry, first, drafts } of parts)
      if (first + drafts.length === entry.call.drafts.length) entry.finish();
  }
}

/** Calls with equal keys can be drawn together. */
function keyOf({ banned: _, repeatable: __, ...sampling }: Sampling): string {
  return JSON.stringify(sampling);
}

/** A signal that is aborted once all given ones are; one that is absent never is. */
function abortedWithAll(signals: readonly (AbortSignal | undefined)[]): {
  signal: AbortSignal;
  unlink: () => void;
} {
  const controller = new AbortController();
  const check = () => {
    if (signals.every((signal) => signal?.aborted)) controller.abort();
  };
  for (const signal of signals) signal?.addEventListener('abort', check);
  check();
  return {
    signal: controller.signal,
    unlink: () => {
      for (const signal of signals) signal?.removeEventListener('abort', check);
    },
  };
}
