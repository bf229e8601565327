import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  classicPoem,
  evaluate,
  Model,
  readCheckpoint,
  type Sample,
  type TrainOptions,
  writeModel,
} from '../../lib';
import { decodeCheckpoint } from '../../lib/model/checkpoint';
import { EXAMPLES, type Finished, LINES, Project, run } from './example';

/** Python with torch. Set TANGSHI_PYTHON if it is not python3. */
const PYTHON = process.env.TANGSHI_PYTHON ?? 'python3';
const withTorch = (() => {
  try {
    execFileSync(PYTHON, ['-c', 'import torch'], { stdio: 'ignore' });
    return test;
  } catch {
    return test.skip; // skipped if Python has no torch
  }
})();

let project: Project;
beforeEach(async () => {
  project = await Project.make();
});
afterEach(() => project.remove());

const python = (program: string, ...args: string[]) =>
  run(PYTHON, [program, ...args], { cwd: project.folder });
const said = ({ code, stdout, stderr }: Finished) => {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};

describe('load_in_pytorch.py', () => {
  /** Has a character that no poem has, and punctuation: the classic vocabulary has neither. */
  const TEXT = '湖上明月光，鱻不见人。';

  const NETWORKS: Record<string, Partial<TrainOptions>> = {
    lstm: { config: { cell: 'lstm', dropout: 0.2 } },
    gru: { config: { cell: 'gru', layers: 1 } },
    rnn: { config: { cell: 'rnn', layers: 3 } },
    'an lstm with tied weights': { config: { tieWeights: true, embedDim: 16 } },
    'the preset classic': { preset: 'classic', config: { batch: 4 } },
  };

  withTorch.each(Object.entries(NETWORKS))('predicts as this package does: %s', async (_, options) => {
    const run = await project.train({ ...options, maxSteps: 8 });
    const whole = join(run, 'last.safetensors');
    const small = join(project.folder, 'small.safetensors');
    await writeModel(small, await readCheckpoint(whole));
    for (const path of [whole, small]) {
      const model = await Model.load(path, { threads: 1 });
      try {
        const text = model.vocab.unk === undefined ? TEXT.replace(/[鱻，。]/gu, '') : TEXT;
        const theirs = said(await python(join(EXAMPLES, 'load_in_pytorch.py'), path, text));
        await compare(model, text, theirs);
      } finally {
        await model.dispose();
      }
    }
  });

  type Foretold = Readonly<{ ids: number[]; logits: number[][]; nll: number; tokens: number }>;

  async function compare(model: Model, text: string, theirs: Foretold): Promise<void> {
    const { session, vocab } = model;
    const ids = vocab.encodePoem(text);
    expect(theirs.ids).toEqual([...ids]);
    const ours = await evaluate(model, [ids]);
    expect(theirs.tokens).toBe(ours.tokens);
    expect(Math.abs(theirs.nll - ours.nll)).toBeLessThan(1e-5);

    // Logits up to a constant: log-probabilities.
    expect(theirs.logits).toHaveLength(ids.length - 1);
    let worst = 0;
    for (const [place, logits] of theirs.logits.entries()) {
      expect(logits).toHaveLength(vocab.size);
      const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      const logProbs = await session.next(ids.subarray(0, place + 1));
      for (const [id, logit] of logits.entries()) {
        worst = Math.max(worst, Math.abs(logit - logSum - (logProbs[id] as number)));
      }
    }
    expect(worst).toBeLessThan(1e-5);
  }
});

describe('from_pytorch.py', () => {
  const TEXT = '湖上春来似画图';
  const inFolder = (name: string) => join(project.folder, name);

  /** Results of the original program, which also writes `state.pt` and `vocab.json`. */
  async function original(cell: string): Promise<{ nll: number; greedy: string }> {
    // A space inside a poem is in the vocabulary twice.
    await writeFile(project.lines, [...LINES, '一个 空格留下来'].join('\n'));
    const files = ['lines.txt', 'state.pt', 'vocab.json'].map(inFolder);
    return said(await python(join(__dirname, 'original.py'), cell, ...files, TEXT));
  }

  const convert = (state: string, vocab: string, out: string) =>
    python(join(EXAMPLES, 'from_pytorch.py'), ...[state, vocab, out].map(inFolder));

  withTorch.each(['LSTM', 'GRU', 'RNN'])(
    'converts to a checkpoint with the same results as PyTorch: %s',
    async (cell) => {
      const theirs = await original(cell);
      expect(await convert('state.pt', 'vocab.json', 'out.safetensors')).toEqual({
        code: 0,
        stdout: '',
        stderr: '',
      });

      const model = await Model.load(inFolder('out.safetensors'));
      try {
        const { session, vocab, config } = model;
        expect(config).toMatchObject({
          preset: 'classic',
          cell: cell.toLowerCase(),
          embedDim: 12,
          hiddenDim: 16,
          layers: 2,
        });
        expect((await evaluate(model, [vocab.encodePoem(TEXT)])).nll).toBeCloseTo(theirs.nll, 5);
        const sampling = { maxNewTokens: 31 - TEXT.length, endId: vocab.eos, banned: vocab.banned };
        const greedy = { temperature: 0, topK: 0, topP: 1 };
        const [{ ids, ended }] = (await session.generate([vocab.encode(TEXT)], {
          ...sampling,
          ...greedy,
        })) as [Sample];
        const written = vocab.decode(ids) + (ended ? 'E' : '');
        expect(written).toBe(theirs.greedy);
        const pieces = (TEXT + theirs.greedy).split('。').filter((piece) => piece.length > 10);
        expect(await classicPoem(model, TEXT)).toEqual(pieces.map((piece) => `${piece}。`));
      } finally {
        await model.dispose();
      }
    },
  );

  withTorch('one in which a bit is turned is refused', async () => {
    await original('LSTM');
    await convert('state.pt', 'vocab.json', 'out.safetensors');
    const whole = await readFile(inFolder('out.safetensors'));
    expect(decodeCheckpoint(whole, 'whole').config.cell).toBe('lstm');
    for (let at = 0; at < whole.length; at += 101) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 0x10;
      expect(() => decodeCheckpoint(bytes, 'bad')).toThrow(
        expect.objectContaining({ code: 'ERR_TANGSHI_CHECKPOINT' }),
      );
    }
  });

  withTorch(
    'rejects other networks, and writes nothing',
    async () => {
      await original('LSTM');
      const words = Object.keys(JSON.parse(await readFile(inFolder('vocab.json'), 'utf8')));
      await writeFile(inFolder('fewer.json'), JSON.stringify(words.slice(1)));
      const damage = `
import torch
def save(name, change):
    state = torch.load('state.pt')
    change(state)
    torch.save(state, name)
save('no-bias.pt', lambda state: state.pop('fc.bias'))
save('two.pt', lambda state: state.update({'rnn.weight_hh_l0': state['rnn_lstm.weight_hh_l0']}))
save('more.pt', lambda state: state.update({'attention.weight': torch.zeros(2)}))`;
      expect(await python('-c', damage)).toMatchObject({ code: 0, stderr: '' });
      const refused = async (state: string, vocab: string, message: string) => {
        expect(await convert(state, vocab, 'none.safetensors')).toEqual({
          code: 1,
          stdout: '',
          stderr: expect.stringContaining(message),
        });
      };
      await Promise.all([
        refused('state.pt', 'fewer.json', 'one fewer is expected'),
        refused('no-bias.pt', 'vocab.json', 'There is no tensor for fc.bias'),
        refused('two.pt', 'vocab.json', 'Expected the state_dict of a network with one LSTM, GRU or RNN'),
        refused('more.pt', 'vocab.json', 'There is no place for the tensor attention.weight'),
      ]);
      expect(existsSync(inFolder('none.safetensors'))).toBe(false);
    },
    60_000,
  );
});
