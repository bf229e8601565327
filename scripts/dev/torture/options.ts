import { join } from 'node:path';
import fc from 'fast-check';
import { AbortError, evaluate, LineFilter, Model, TangshiError, train } from '../../../lib';
import type { Figures, Torture } from './torture';

const VALID = {
  prompt: '月',
  form: '2x3',
  temperature: 1,
  topK: 5,
  topP: 0.9,
  seed: 1,
  maxLength: 20,
};
const VALID_TRAINING = {
  preset: 'default',
  config: {},
  init: 'a',
  device: 'cpu',
  saveEvery: 1,
  minutes: 1,
  texts: ['月'],
};

/**
 * Calls the library's functions without regard to their types. Each answers as requested, or with a TangshiError; no
 * internal TypeError escapes.
 *
 * @param torture.count Calls of each function.
 */
export async function options({ seed, count, folder, show }: Torture): Promise<Figures> {
  await using model = await Model.load(undefined, { threads: 1 });
  const figures = { calls: 0, answered: 0, refused: 0 };
  const outcome = async (work: () => Promise<unknown>) => {
    figures.calls++;
    try {
      await work();
      figures.answered++;
    } catch (error) {
      if (error instanceof AbortError) return;
      if (!(error instanceof TangshiError) || error.code === 'ERR_TANGSHI_LIBTORCH') throw error;
      figures.refused++;
    }
  };
  const poemOptions = fc.oneof(
    changed(VALID),
    strange.filter((value) => value !== undefined),
  );
  // `resume` without a run, so that none of them trains.
  const trainOptions = changed(VALID_TRAINING).map((given) => ({
    ...given,
    out: join(folder, 'nowhere'),
    resume: true,
  }));
  const sections: readonly (readonly [string, fc.Arbitrary<unknown>, (value: never) => Promise<unknown>])[] =
    [
      ['generate', poemOptions, (value) => model.generate(value)],
      ['generateMany', strange.filter(isSmallCount), (value) => model.generateMany(value, { form: '2x3' })],
      ['stream', poemOptions, (value) => model.stream(value).next()],
      ['score', strange, (value) => model.score(value)],
      ['load', strange.filter((value) => value !== undefined), (value) => Model.load(value)],
      ['evaluate', strange, (value) => evaluate(model, value)],
      ['train', trainOptions, (value) => firstEvent(value)],
    ];
  for (const [name, values, call] of sections) {
    show(name);
    await fc.assert(
      fc.asyncProperty<[unknown]>(values, (value) => outcome(() => call(value as never))),
      { seed, numRuns: count, endOnFailure: true },
    );
  }
  return figures;
}

async function firstEvent(options: Parameters<typeof train>[0]): Promise<void> {
  const training = train(options);
  try {
    await training.next();
  } finally {
    await training.return();
  }
}

/** Limits the number of poems: thousands would only take time. */
function isSmallCount(value: unknown): boolean {
  return typeof value !== 'number' || !(value > 100);
}

const strange = fc.oneof(
  fc.anything(),
  fc.constantFrom<unknown>(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    0.5,
    2 ** 53,
    0n,
    null,
    '',
    '\0',
    '湖',
    [],
    {},
    () => 1,
    Symbol('s'),
    [Int32Array.of(1)],
    [Int32Array.of(1, 2)],
    [Int32Array.of(1, 2 ** 30)],
    [[1, 2]],
    new Date(),
    new Uint8Array(9),
    new LineFilter(new Uint8Array(1)),
    'toString',
    '五绝',
  ),
);

/** An object with one or two properties replaced by strange values. */
function changed(good: object): fc.Arbitrary<object> {
  const keys = fc.constantFrom(...Object.keys(good));
  return fc
    .dictionary(keys, strange, { minKeys: 1, maxKeys: 2, noNullPrototype: true })
    .map((changes) => ({ ...good, ...changes }));
}
