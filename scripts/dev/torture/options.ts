import { join } from 'node:path';
import fc from 'fast-check';
import {
  evaluate,
  generatePoems,
  loadModel,
  Session,
  streamPoem,
  TangshiError,
  train,
  Vocab,
} from '../../../lib';
import type { Figures, Torture } from './torture';

const FINE = {
  prompt: '月',
  form: '2x3',
  count: 2,
  temperature: 1,
  topK: 5,
  topP: 0.9,
  seed: 1,
  maxLength: 20,
};
/**
 * The library's functions, called without regard to their types. Each answers with what was asked for or with a
 * TangshiError; no TypeError comes out of the inside.
 *
 * @param torture.count Calls of each.
 */
export async function options({ seed, count, folder, show }: Torture): Promise<Figures> {
  const vocab = Vocab.build(['明月山水花鸟风云，天地人。'], { minCount: 1 });
  await using session = await Session.open({
    model: {
      ...{ cell: 'gru', vocabSize: vocab.size, embedDim: 4, hiddenDim: 4, layers: 1, dropout: 0 },
      ...{ tieWeights: false, reluLogits: false, xavierOutput: false },
    },
    optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
    ...{ device: 'cpu', seed: 1n, threads: 1 },
  });
  const writer = { session, vocab };
  const figures = { calls: 0, answered: 0, refused: 0 };
  const outcome = async (work: () => Promise<unknown>) => {
    figures.calls++;
    try {
      await work();
      figures.answered++;
    } catch (error) {
      if (!(error instanceof TangshiError) || error.code === 'ETORCH') throw error;
      figures.refused++;
    }
  };
  const calls: Readonly<Record<string, (value: unknown) => Promise<unknown>>> = {
    generatePoems: (value) => generatePoems(writer, value as never),
    streamPoem: (value) => streamPoem(writer, value as never).next(),
    train: async (value) => {
      const training = train(value as never);
      try {
        await training.next();
      } finally {
        await training.return();
      }
    },
    loadModel: (value) => loadModel((value as { form: never })?.form ?? (value as never)),
    evaluate: (value) => evaluate(session, value as never),
  };
  for (const [name, call] of Object.entries(calls)) {
    show(name);
    const values =
      name === 'train'
        ? changed({ preset: 'default', config: {}, init: 'a', device: 'cpu', saveEvery: 1, minutes: 1 }).map(
            (wish) => ({
              ...wish,
              ...{ out: join(folder, 'nowhere'), resume: true }, // so that none of them trains
            }),
          )
        : fc.oneof(
            changed(FINE),
            strange.filter((value) => value !== undefined),
          );
    await fc.assert(
      fc.asyncProperty<[unknown]>(values, (value) => outcome(() => call(value))),
      { seed, numRuns: count, endOnFailure: true },
    );
  }
  return figures;
}

const strange = fc.oneof(
  fc.anything(),
  fc.constantFrom<unknown>(
    ...[
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
    ],
    ...[
      [Int32Array.of(1)],
      [Int32Array.of(1, 2)],
      [Int32Array.of(1, 99)],
      [[1, 2]],
      new Date(),
      'toString',
      '五绝',
    ],
  ),
);

/** One or two of the properties in strange hands. */
function changed(good: object): fc.Arbitrary<object> {
  const keys = fc.constantFrom(...Object.keys(good));
  return fc
    .dictionary(keys, strange, { minKeys: 1, maxKeys: 2, noNullPrototype: true })
    .map((changes) => ({ ...good, ...changes }));
}
