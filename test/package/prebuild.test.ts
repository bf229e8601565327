/** writer.node as a release has it, built by zig. zig is large, so this runs only where it is installed. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { GenerateOptions, InferenceConfig, TensorData, WriterAddon } from '../../lib/native/contract';

const ROOT = join(__dirname, '../..');
const BUILD_MINUTES = 10; // if zig's cache is empty
const TARGET = `${process.platform}-${process.arch}`;
const { findZig } = require('../../scripts/dev/prebuild/zig.js') as { findZig: () => string };
// Only the packer of a release has zig; what is built for another system cannot be loaded.
const testWithZig = process.platform === 'linux' && findZig() ? test : test.skip;

const model: InferenceConfig['model'] = {
  cell: 'rnn',
  vocabSize: 5,
  embedDim: 3,
  hiddenDim: 4,
  layers: 1,
  dropout: 0,
  tieWeights: false,
  reluLogits: false,
  xavierOutput: false,
};
const options: GenerateOptions = {
  maxNewTokens: 6,
  endId: 2,
  banned: Int32Array.of(2),
  temperature: 0,
  topK: 0,
  topP: 1,
};

function tensor(shape: readonly number[], value: (i: number) => number): TensorData {
  const size = shape.reduce((product, n) => product * n, 1);
  return {
    dtype: 'F32',
    shape,
    data: new Uint8Array(Float32Array.from({ length: size }, (_, i) => value(i)).buffer),
  };
}
/** Only the output's bias differs from 0: after any id, 3 is the most likely. */
const zero = (...shape: number[]) => tensor(shape, () => 0);
const weights = {
  'embedding.weight': zero(5, 3),
  'rnn.weight_ih_l0': zero(4, 3),
  'rnn.weight_hh_l0': zero(4, 4),
  'rnn.bias_ih_l0': zero(4),
  'rnn.bias_hh_l0': zero(4),
  'fc.weight': zero(5, 4),
  'fc.bias': tensor([5], (i) => (i === 3 ? 1 : 0)),
};

testWithZig(
  'zig, if installed, builds a writer.node of a megabyte that works',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tangshi-prebuilt-'));
    try {
      const script = join(ROOT, 'scripts/dev/prebuild.js');
      await promisify(execFile)(process.execPath, [script, `--out=${folder}`, TARGET]);
      const file = join(folder, TARGET, 'writer.node');
      expect(statSync(file).size).toBeLessThan(1.5e6);
      const { InferenceSession, kernels } = require(file) as WriterAddon;
      if (process.arch === 'arm64') expect(kernels).toBe('baseline');
      const session = await InferenceSession.open({ model, device: 'cpu', threads: 2 }, weights);
      const [sample] = await session.generate([Int32Array.of(1)], options, undefined).done;
      expect([...(sample?.ids ?? [])]).toEqual([3, 3, 3, 3, 3, 3]);
      await expect(InferenceSession.open({ model, device: 'cpu', threads: 2 }, {})).rejects.toThrow();
      await session.dispose();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  BUILD_MINUTES * 60_000,
);
