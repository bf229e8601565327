import fc from 'fast-check';
import { addon } from '../../../lib/native/addon';
import type { Batch, NativeTrainingSession, TrainingConfig } from '../../../lib/native/contract';
import type { Figures, Torture } from './torture';

/**
 * Error codes the addon may return. ERR_TANGSHI_LIBTORCH is not among them: inputs that libtorch would reject must be
 * rejected before.
 */
const CODES = [
  'ERR_TANGSHI_INVALID_ARG',
  'ERR_TANGSHI_SHAPE',
  'ERR_TANGSHI_OUT_OF_MEMORY',
  'ERR_TANGSHI_DISPOSED',
  'ERR_TANGSHI_DEVICE',
  'ABORT_ERR',
];
/** A promise that takes longer to settle counts as hung. */
const MOST_MS = 20_000;

const CONFIG: TrainingConfig = {
  model: {
    cell: 'lstm',
    vocabSize: 12,
    embedDim: 4,
    hiddenDim: 6,
    layers: 2,
    dropout: 0.2,
    tieWeights: false,
    reluLogits: false,
    xavierOutput: false,
  },
  optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
  device: 'cpu',
  seed: 1n,
  threads: 2,
};
const BATCH: Batch = {
  inputs: Int32Array.of(1, 2, 3, 4, 5, 6),
  targets: Int32Array.of(2, 3, 4, 5, 6, -1),
  rows: 2,
  time: 3,
};
const STEP = { lr: 0.01, clipNorm: 1 };
const SAMPLING = {
  maxNewTokens: 5,
  endId: 2,
  banned: Int32Array.of(0),
  temperature: 1,
  topK: 0,
  topP: 1,
  seeds: BigUint64Array.of(1n),
  streams: Uint32Array.of(0),
  preface: 1,
  repetitionPenalty: 1,
  repeatable: Int32Array.of(2),
};

/** Two masks and two tables. The last position repeats the second. */
const CONSTRAINT = {
  masks: new Uint8Array(24).fill(1),
  groups: Uint32Array.from({ length: 24 }, (_, i) => i % 12),
  allowedGroups: Uint32Array.of(7),
  plans: [Int32Array.of(0, -1, 0, -1, 1, 0, 0, -1, 0, 1, 1, -1, 1, 0, 0, -1, 0, -1, 0, 1)],
};

/**
 * Random sequences of hostile calls to the addon: wrong types, NaN, huge numbers, detached or shared buffers, getters
 * that throw or call back, calls after disposal, all at once or one after the other. Every promise must settle, with a
 * result or an error with a code; nothing may throw or crash.
 */
export async function sequences({ seed, count, show }: Torture): Promise<Figures> {
  const figures = { sequences: 0, calls: 0, resolved: 0, rejected: 0 };
  const outcome = async (promise: Promise<unknown>) => {
    figures.calls++;
    const error = await settled(promise);
    if (error === undefined) figures.resolved++;
    else figures.rejected++;
  };
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
      if (figures.sequences++ % 500 === 0) show(`${figures.sequences - 1} of ${count} sequences`);
      const session = await addon().TrainingSession.open(CONFIG);
      const promises: Promise<void>[] = [];
      for (const { make, wait } of calls) {
        const promise = outcome(make(session));
        promises.push(promise);
        if (wait) await promise;
      }
      promises.push(outcome(session.dispose()));
      await Promise.all(promises);
    }),
    { seed, numRuns: count, endOnFailure: false },
  );
  return figures;
}

/** Returns the error, if it is an allowed one. */
async function settled(promise: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`A promise did not settle within ${MOST_MS} ms`)), MOST_MS);
  });
  try {
    await Promise.race([promise, late]);
    return undefined;
  } catch (error) {
    if (error === MISCHIEF || CODES.includes((error as { code: string }).code)) return error;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Thrown by our getters; the addon must pass it on. */
const MISCHIEF = new Error('mischief');

type Call = Readonly<{ make: (session: NativeTrainingSession) => Promise<unknown>; wait: boolean }>;

const detached = () => {
  const array = Int32Array.of(1, 2, 3, 4, 5, 6);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};
const strange = fc.oneof(
  fc.anything(),
  fc.constantFrom<unknown>(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    2 ** 31,
    2 ** 53,
    1e308,
    -1,
    0.5,
    0n,
    2n ** 64n,
    -1n,
    null,
    undefined,
    '',
    'cpu',
    'cuda:0',
    [],
    {},
    () => 1,
    Symbol('s'),
    new Date(),
    new Map(),
    new Int32Array(0),
    new Float32Array(6),
    new Uint8Array(3),
    new BigInt64Array(1),
    new DataView(new ArrayBuffer(8)),
    new Int32Array(new SharedArrayBuffer(24)),
    Int32Array.of(11, 12, -1),
    Int32Array.of(0, 0, 0, 0, 0, 0),
  ),
  fc.constant('detached').map(detached),
  fc.constant('throws').map(
    () =>
      new Proxy(
        {},
        {
          get() {
            throw MISCHIEF;
          },
        },
      ),
  ),
);

/** An object with one or two properties replaced by strange values, or another value altogether. */
function spoiled<T extends object>(good: T): fc.Arbitrary<unknown> {
  const keys = fc.constantFrom(...Object.keys(good));
  const change = fc.dictionary(keys, strange, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(good as unknown) },
    { weight: 3, arbitrary: change.map((changes) => ({ ...good, ...changes })) },
    { weight: 1, arbitrary: strange },
  );
}

const batches = fc.oneof(fc.array(spoiled(BATCH), { maxLength: 3 }), strange);
const step = spoiled(STEP);
/** Four numbers a position, some of which are no index. */
const plan = fc
  .array(
    fc.tuple(
      fc.integer({ min: -1, max: 2 }),
      fc.integer({ min: -2, max: 3 }),
      fc.integer({ min: -1, max: 2 }),
      fc.integer({ min: -2, max: 6 }),
    ),
    { maxLength: 6 },
  )
  .map((positions) => Int32Array.from(positions.flat()));
const constraint = fc.oneof(
  spoiled(CONSTRAINT),
  fc.array(plan, { maxLength: 2 }).map((plans) => ({ ...CONSTRAINT, plans })),
);
const sampling = fc.oneof(
  spoiled(SAMPLING),
  constraint.map((value) => ({ ...SAMPLING, constraint: value })),
);
const prompts = fc.oneof(
  fc.array(fc.oneof(fc.constant<unknown>(Int32Array.of(1, 2)), strange), { maxLength: 3 }),
  strange,
);
const config = fc.oneof(
  spoiled(CONFIG),
  spoiled(CONFIG.model).map((model) => ({ ...CONFIG, model })),
  spoiled(CONFIG.optimizer).map((optimizer) => ({ ...CONFIG, optimizer })),
);

const work = fc.oneof(
  fc.tuple(batches, step).map(
    ([all, options]) =>
      (session: NativeTrainingSession) =>
        session.train(all as never, options as never).done,
  ),
  fc
    .tuple(fc.integer({ min: 1, max: 200 }), fc.boolean())
    .map(([times, cancel]) => (session: NativeTrainingSession) => {
      const job = session.train(Array(times).fill(BATCH), STEP);
      if (cancel) job.cancel();
      return job.done;
    }),
  // Disposes the session while its arguments are read.
  fc.constant((session: NativeTrainingSession) => {
    const lr = {
      get lr() {
        session.dispose();
        return 0.01;
      },
      clipNorm: 1,
    };
    return session.train([BATCH], lr).done;
  }),
  batches.map((all) => (session: NativeTrainingSession) => session.evaluate(all as never).done),
  fc
    .tuple(
      prompts,
      sampling,
      fc.oneof(
        fc.constant(undefined),
        fc.constant(() => undefined),
        strange,
      ),
    )
    .map(
      ([all, options, listen]) =>
        (session: NativeTrainingSession) =>
          session.generate(
            all as never,
            options as never,
            (typeof listen === 'function' ? () => 0 : listen) as never,
          ).done,
    ),
  fc.constant((session: NativeTrainingSession) => session.snapshot()),
  fc.tuple(strange, fc.nat(30)).map(([value, place]) => async (session: NativeTrainingSession) => {
    const tensors = { ...(await session.snapshot()) } as Record<string, unknown>;
    const names = Object.keys(tensors);
    const name = names[place % names.length] as string;
    if (place % 3 === 0) tensors[name] = value;
    else
      tensors[name] = {
        ...(tensors[name] as object),
        [['data', 'shape', 'dtype'][place % 2] as string]: value,
      };
    await session.restore(tensors as never);
  }),
  strange.map((value) => (session: NativeTrainingSession) => session.restore(value as never)),
  fc.constant((session: NativeTrainingSession) => session.dispose()),
  config.filter(isSmall).map((value) => async () => {
    const other = await addon().TrainingSession.open(value as never);
    await other.dispose();
  }),
);

const call: fc.Arbitrary<Call> = fc.record({ make: work, wait: fc.boolean() });

/**
 * Excludes models of about a gigabyte: whether they are rejected depends on the machine's memory, and they take long.
 */
function isSmall(value: unknown): boolean {
  try {
    const { model } = value as TrainingConfig;
    const { vocabSize, embedDim, hiddenDim, layers } = model;
    const sizes = [vocabSize, embedDim, hiddenDim, layers].filter(
      (size) => Number.isInteger(size) && size > 0,
    );
    return sizes.every((size) => size < 1e4 || size > 2 ** 30);
  } catch {
    return true;
  }
}
