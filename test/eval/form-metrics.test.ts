import { AbortError, type Model, measureForms, Vocab } from '../../lib';
import { untrainedModel } from '../model/untrained';
import { frequentVocab } from '../verse/frequent';

const CORPUS = [
  '白日空山静，黄花入梦来。欲知千里月，更上一层台。',
  '春风不见人，明月照江津。欲问归何处，空山秋水深。',
];

let model: Model;
beforeAll(async () => {
  model = await untrainedModel(frequentVocab);
});
afterAll(() => model.dispose());

test('generated poems follow the rules, random ones do not, and copied lines are found', async () => {
  const all = await measureForms(model, CORPUS, { count: 20, seed: 1 });
  expect(all.map(({ form }) => form)).toEqual(['五绝', '七绝', '五律', '七律']);
  for (const metrics of all) {
    expect(metrics.model).toMatchObject({ poems: 20, form: 1, rhyme: 1, tone: 1, copiedLines: 0 });
    expect(metrics.random.tone).toBeLessThan(0.2);
    expect(metrics.model.longestCopy).toBeGreaterThan(0);
  }
  expect(all[0]?.real).toMatchObject({ poems: 2, form: 1 });
});

test('faults of tone and of rhyme are told apart', async () => {
  const right = CORPUS[0] as string;
  const corpus = [
    right,
    right.replace('空山静', '空水静'),
    right.replace('一层台', '一层风'),
    '白日空山静，黄花入梦来。',
  ];
  const [{ real } = {}] = await measureForms(model, corpus, { count: 5, seed: 1 });
  expect(real).toMatchObject({ poems: 3, form: 1, tone: 2 / 3, rhyme: 2 / 3 });
});

test('forms that the vocabulary does not support are left out', async () => {
  for (const text of ['明月光，霜。', '明月光']) {
    await using poor = await untrainedModel(Vocab.build([text], { minCount: 1 }));
    expect(await measureForms(poor, CORPUS, { count: 2, seed: 1 })).toEqual([]);
  }
});

test('an abort and invalid options are reported', async () => {
  const aborted = measureForms(model, CORPUS, { count: 2, seed: 1, signal: AbortSignal.abort() });
  await expect(aborted).rejects.toBeInstanceOf(AbortError);
  await expect(measureForms(model, CORPUS, { count: 0, seed: 1 })).rejects.toMatchObject({ option: 'count' });
});
