import { presetConfig } from '../../lib';
import { checkConfig } from '../../lib/config/schemas';

test.each(['classic', 'default', 'large'] as const)('the preset %s is a whole configuration', (preset) => {
  const config = presetConfig(preset);
  expect(checkConfig(config)).toEqual(config);
  expect(checkConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
});

test('classic is the original program', () => {
  expect(presetConfig('classic')).toMatchObject({
    cell: 'lstm',
    embedDim: 100,
    hiddenDim: 128,
    layers: 2,
    reluLogits: true,
    heldOut: 0,
    optimizer: { kind: 'rmsprop', alpha: 0.99, eps: 1e-8 },
    lr: 0.01,
    clipNorm: 1,
    batch: 100,
    epochs: 30,
  });
});

test.each([
  [{ cell: 'qrnn' }, 'cell'],
  [{ layers: 0 }, 'layers'],
  [{ hiddenDim: 1.5 }, 'hiddenDim'],
  [{ dropout: 1 }, 'dropout'],
  [{ lr: 0 }, 'lr'],
  [{ lr: Number.NaN }, 'lr'],
  [{ epochs: '10' }, 'epochs'],
  [{ seed: -1 }, 'seed'],
  [{ optimizer: { kind: 'sgd' } }, 'optimizer'],
  [{ colour: 'red' }, 'colour'],
  [{ tieWeights: true, embedDim: 100 }, 'tieWeights requires'],
])('%j is refused by name', (change, name) => {
  const config = { ...presetConfig('default'), ...change };
  expect(() => checkConfig(config)).toThrow(
    expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG', message: expect.stringContaining(name) }),
  );
});

test.each([undefined, null, 5, 'poems', []])('%j is no configuration', (value) => {
  expect(() => checkConfig(value)).toThrow(expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG' }));
});
