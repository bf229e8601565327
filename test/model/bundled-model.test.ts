import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { evaluate, generatePoems, judge, loadDataset, loadModel, type Model, Prosody } from '../../lib';
import { decodeSafetensors } from '../../lib/model/safetensors';

/** The model in the box is what its card says. */

const FILE = join(__dirname, '../../models/tangshi.safetensors');
const CARD = readFileSync(join(__dirname, '../../models/README.md'), 'utf8');

let model: Model;
beforeAll(async () => {
  model = await loadModel(FILE);
});
afterAll(() => model.dispose());

test('weights in half precision, 12 MB at most, no optimizer', () => {
  const { tensors } = decodeSafetensors(readFileSync(FILE), FILE);
  const types = Object.values(tensors).map(({ dtype }) => dtype);
  expect(new Set(types)).toEqual(new Set(['F16', 'U8']));
  expect(Object.keys(tensors).filter((name) => /^(optim|rng)/.test(name))).toEqual([]);
  expect(statSync(FILE).size).toBeLessThanOrEqual(12e6);
});

test('foretells the held-out poems as well as the card says, and below 4.5 nats', async () => {
  const { heldOut, tally } = await loadDataset({ ...model.config, vocab: model.vocab });
  const { nll, tokens } = await evaluate(model.session, heldOut);
  const [, stated] = /held-out NLL\D*(\d\.\d{4})/.exec(CARD) ?? [];
  expect(nll).toBeCloseTo(Number(stated), 3);
  expect(nll).toBeLessThanOrEqual(4.5);
  expect(tokens).toBe(84_332);
  expect(tally.rejected['held-out']).toBeGreaterThan(0); // other editions of them were left out of training
}, 120_000);

test('writes in every form by its rules, and no two poems alike', async () => {
  const prosody = Prosody.load();
  for (const form of ['五绝', '七绝', '五律', '七律'] as const) {
    const poems = await generatePoems(model, { form, count: 10, seed: 1 });
    for (const { text } of poems) {
      const verdict = judge(text, prosody);
      expect({ form: verdict.form, rhyme: verdict.rhyme?.keeps, tone: verdict.tone?.keeps }).toEqual({
        ...{ form, rhyme: true, tone: true },
      });
    }
    expect(new Set(poems.map(({ text }) => text)).size).toBe(10);
  }
}, 60_000);
