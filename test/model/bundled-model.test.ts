import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkPoem, evaluate, loadDataset, Model } from '../../lib';
import { decodeSafetensors } from '../../lib/model/safetensors';

/** The bundled model matches its model card. */

const FILE = join(__dirname, '../../models/tangshi.safetensors');
const CARD = readFileSync(join(__dirname, '../../models/README.md'), 'utf8');

let model: Model;
beforeAll(async () => {
  model = await Model.load();
});
afterAll(() => model.dispose());

test('weights in half precision, at most 12 MB, no optimizer state', () => {
  const { tensors } = decodeSafetensors(readFileSync(FILE), FILE);
  const types = Object.values(tensors).map(({ dtype }) => dtype);
  expect(new Set(types)).toEqual(new Set(['F16', 'U8']));
  expect(Object.keys(tensors).filter((name) => /^(optim|rng)/.test(name))).toEqual([]);
  expect(statSync(FILE).size).toBeLessThanOrEqual(12e6);
});

test('predicts the held-out poems as well as the model card says, and below 4.5 nats', async () => {
  const { heldOut, tally } = await loadDataset({ ...model.config, vocab: model.vocab });
  const { nll, tokens } = await evaluate(model, heldOut);
  const [, stated] = /held-out NLL\D*(\d\.\d{4})/.exec(CARD) ?? [];
  expect(nll).toBeCloseTo(Number(stated), 3);
  expect(nll).toBeLessThanOrEqual(4.5);
  expect(tokens).toBe(84_564);
  expect(tally.rejected['held-out']).toBeGreaterThan(0); // other versions of these poems were left out of training
}, 120_000);

test('generates distinct poems in every form, following its rules', async () => {
  for (const form of ['五绝', '七绝', '五律', '七律'] as const) {
    const poems = await model.generateMany(10, { form, seed: 1 });
    for (const { text } of poems) {
      expect(checkPoem(text)).toMatchObject({ form, ok: true, faults: [] });
    }
    expect(new Set(poems.map(({ text }) => text)).size).toBe(10);
  }
}, 60_000);
