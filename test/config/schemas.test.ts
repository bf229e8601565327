import { presetConfig } from '../../lib';
import { checkConfig, checkOptions } from '../../lib/config/schemas';

test.each(['classic', 'default', 'large'] as const)('the preset %s is a complete configuration', (preset) => {
  const config = presetConfig(preset);
  expect(checkConfig(config)).toEqual(config);
  expect(checkConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
});

test('classic matches the original program', () => {
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
])('%j is rejected, and the error names the option', (change, name) => {
  const config = { ...presetConfig('default'), ...change };
  expect(() => checkConfig(config)).toThrow(
    expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG', message: expect.stringContaining(name) }),
  );
});

test.each([undefined, null, 5, 'poems', []])('%j is not a configuration', (value) => {
  expect(() => checkConfig(value)).toThrow(expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG' }));
});

test.each<[Record<string, unknown>, string]>([
  [{ batch: 1.5 }, 'expected an integer from 1 to 65536 for batch but received 1.5'],
  [{ batch: 0 }, 'expected an integer from 1 to 65536 for batch but received 0'],
  [{ batch: '10' }, 'expected an integer from 1 to 65536 for batch but received "10"'],
  [{ lr: Number.NaN }, 'expected a number > 0 and <= 1000000 for lr but received NaN'],
  [{ dropout: 1 }, 'expected a number >= 0 and < 1 for dropout but received 1'],
  [{ cell: 'qrnn' }, 'expected one of "lstm", "gru", "rnn" for cell but received "qrnn"'],
  [{ tieWeights: 1 }, 'expected a boolean for tieWeights but received 1'],
  [{ data: '' }, 'expected a string that is not empty for data but received ""'],
  [{ extra: [5] }, 'expected a string for extra.0 but received 5'],
  [{ optimizer: 5 }, 'expected an object for optimizer but received 5'],
  [{ layers: undefined }, 'layers is required'],
  [{ seed: -1, colour: 1 }, 'expected an integer >= 0 for seed but received -1; unknown option colour'],
])('the error for %j explains the problem', (change, message) => {
  const config = { ...presetConfig('default'), ...change };
  expect(() => checkConfig(config)).toThrow(`Invalid configuration: ${message}`);
});

test.each([
  [undefined, 'expected an object but received undefined'],
  [{ out: 'x', signal: 5 }, 'expected an AbortSignal for signal but received 5'],
  [{ out: 'x', saveEvery: 1.5 }, 'expected an integer >= 1 for saveEvery but received 1.5'],
  [{ out: 'x', batch: 5 }, 'unknown option batch, which belongs in config: { batch: … }'],
])('the error for the training options %j explains the problem', (options, message) => {
  expect(() => checkOptions('train', options)).toThrow(`Invalid options: ${message}`);
});
