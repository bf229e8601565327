import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadDataset, presetConfig, type RunConfig, type TensorMap, TrainingSession, train } from '../../lib';
import { modelConfig } from '../../lib/model/network';
import { encodeSafetensors } from '../../lib/model/safetensors';
import golden from '../golden/classic.json';

const DATA = join(__dirname, '..', 'golden', 'seed-poems.txt');

/** Same as formula_weights in test/golden/classic.py. */
function formulaWeights(elements: number, place: number): Float32Array {
  return Float32Array.from({ length: elements }, (_, index) => {
    let x = index + place * 2 ** 24;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x ^= x >>> 16;
    return ((x >>> 0) / 2 ** 32 - 0.5) * 0.4;
  });
}

async function formulaModel(): Promise<TensorMap> {
  const config = { ...presetConfig('classic'), data: DATA, format: 'titled' as const };
  const { vocab } = await loadDataset(config);
  const session = await TrainingSession.open({
    model: modelConfig(config, vocab.size),
    optimizer: config.optimizer,
    device: 'cpu',
    seed: 0n,
    threads: 1,
  });
  const names = Object.entries(await session.snapshot()).filter(([name]) => !/^(optim|rng)\./.test(name));
  await session.dispose();
  const entries = names
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, tensor], place) => {
      const values = formulaWeights(tensor.data.byteLength / 4, place);
      return [name, { ...tensor, data: new Uint8Array(values.buffer) }];
    });
  return Object.fromEntries(entries);
}

async function losses(config: Partial<RunConfig>): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tangshi-classic-'));
  try {
    const init = join(folder, 'init.safetensors');
    await writeFile(init, Buffer.concat(encodeSafetensors({ tensors: await formulaModel(), metadata: {} })));
    const values: number[] = [];
    for await (const event of train({ preset: 'classic', config, init, out: join(folder, 'run') })) {
      if (event.type === 'step') values.push(event.loss);
    }
    return values;
  } finally {
    await rm(folder, { recursive: true });
  }
}

// At the original program's learning rate, two correct implementations diverge after a few steps: see
// test/golden/classic.py.
test.each([
  { lr: 0.01, steps: 7, tolerance: 1e-5 },
  { lr: 0.001, steps: 35, tolerance: 1e-5 },
])('the classic preset trains like the original program in PyTorch, step by step, at $lr', async (c) => {
  const { batch, epochs, runs } = golden;
  const expected = runs.find(({ lr }) => lr === c.lr)?.losses as number[];
  const actual = await losses({ data: DATA, format: 'titled', batch, epochs, lr: c.lr });
  expect(actual).toHaveLength(expected.length);
  const differences = actual.map((loss, index) => Math.abs(loss - (expected[index] as number)));
  expect(Math.max(...differences.slice(0, c.steps))).toBeLessThan(c.tolerance);
});
