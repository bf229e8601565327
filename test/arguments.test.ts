/** Mistakes that callers without TypeScript make: every library function rejects them with an error of its own. */
import {
  bucketedBatcher,
  builtinCorpusPath,
  Cleaner,
  classicBatcher,
  evaluationBatches,
  formatCheck,
  formatFault,
  LineFilter,
  loadPoems,
  modelConfig,
  readCorpus,
  TangshiError,
  Vocab,
  weightsOf,
  writeCheckpoint,
  writeModel,
} from '../lib';

const vocab = Vocab.build(['床前明月光'], { minCount: 1 });
const filter = LineFilter.of(['床前明月光']);
/** Each call gets one wrong value in place of a valid one. */
const CALLS: Record<string, (value: never) => unknown> = {
  'Vocab.build': (value) => Vocab.build(value, { minCount: 1 }),
  'Vocab.build with its options': (value) => Vocab.build([], value),
  'Vocab.classic': (value) => Vocab.classic(value),
  'vocab.encode': (value) => vocab.encode(value),
  'vocab.encodePoem': (value) => vocab.encodePoem(value),
  'vocab.normalize': (value) => vocab.normalize(value),
  'vocab.decode': (value) => vocab.decode(value),
  'LineFilter.of': (value) => LineFilter.of(value),
  'new LineFilter': (value) => new LineFilter(value),
  'filter.has': (value) => filter.has(value),
  formatCheck: (value) => formatCheck(value),
  formatFault: (value) => formatFault(value),
  classicBatcher: (value) => classicBatcher(value, 1),
  bucketedBatcher: (value) => bucketedBatcher(value, { batch: 1, seed: 1 }),
  'bucketedBatcher with its options': (value) => bucketedBatcher([Int32Array.of(1, 2)], value),
  evaluationBatches: (value) => evaluationBatches(value, 1),
  modelConfig: (value) => modelConfig(value, 5),
  weightsOf: (value) => weightsOf(value),
  writeCheckpoint: (value) => writeCheckpoint('/nowhere/x', value),
  writeModel: (value) => writeModel('/nowhere/x', value),
  'writeModel with its path': (value) => writeModel(value, {} as never),
  builtinCorpusPath: (value) => builtinCorpusPath(value),
  'loadPoems with data': (value) => loadPoems({ data: value, cleaning: 'modern', heldOut: 0 }),
  'loadPoems with extra': (value) =>
    value === undefined
      ? loadPoems(value)
      : loadPoems({ data: 'poems', extra: value, cleaning: 'modern', heldOut: 0 }),
  readCorpus: (value) => readCorpus(value).next(),
  'cleaner.clean': (value) => new Cleaner('modern').clean(value),
};
const WRONG = [undefined, null, 5, true, () => 5, Symbol('5')];

test.each(Object.entries(CALLS))('%s', async (_, call) => {
  for (const value of WRONG) {
    const error = await (async () => call(value as never))().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(TangshiError);
    expect(error).toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: expect.stringMatching(/^Expected .+ but received \w+$|^Unknown corpus .* Choose poems, /),
    });
  }
});

test('errors about an element of an argument give its position', async () => {
  expect(() => Vocab.build(['床', 5 as never], { minCount: 1 })).toThrow(
    'Expected a string for poems[1] but received number',
  );
  expect(() => LineFilter.of('床前明月光')).toThrow('Expected an array for poems but received string');
  expect(() => vocab.encode(['床'] as never)).toThrow('Expected a string for text but received array');
  await expect(writeModel('/nowhere/x', {} as never)).rejects.toThrow(
    'Invalid checkpoint: config is required; corpus is required; progress is required',
  );
  expect(() => evaluationBatches([[1, 2]] as never, 1)).toThrow('each an Int32Array of at least two ids');
});

test.each([
  ['format', 'csv'],
  ['encoding', 'latin1'],
])('an unknown %s is answered with those there are', async (option, value) => {
  const options = { data: 'nowhere.txt', cleaning: 'modern', heldOut: 0, [option]: value } as never;
  const refusal = { code: 'ERR_TANGSHI_INVALID_ARG', option, message: expect.stringMatching(/Choose /) };
  await expect(loadPoems(options)).rejects.toMatchObject(refusal);
  await expect(readCorpus('nowhere.txt', { [option]: value } as never).next()).rejects.toMatchObject(refusal);
});
