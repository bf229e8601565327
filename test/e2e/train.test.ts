import { existsSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  classicPoem,
  Model,
  readCheckpoint,
  readWeights,
  type TensorMap,
  type TrainEvent,
  type TrainOptions,
  train,
  writeCheckpoint,
} from '../../lib';
import { encodeSafetensors } from '../../lib/model/safetensors';
import { smallConfig } from '../../scripts/dev/torture/torture';
import { events, inFolder, POEMS } from './corpus';

/** A small network with every source of randomness enabled. */
const small = (data: string) => smallConfig(data, 6);

const losses = (all: readonly TrainEvent[]) =>
  all.flatMap((event) => (event.type === 'step' ? [event.loss] : []));

test('learns a few poems by heart', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const config = { ...small(data), heldOut: 0, dropout: 0, hiddenDim: 64, batch: 2, epochs: 40, lr: 0.01 };
    const all = await events({ config, out });
    expect(all.at(-1)).toMatchObject({ type: 'done', reason: 'finished', step: 160 });
    const model = await Model.load(out);
    for (const poem of POEMS) {
      const recited = await model.generate({ prompt: poem.slice(0, 3), temperature: 0 });
      expect(recited).toMatchObject({ text: poem, complete: true });
      expect(recited.lines).toEqual([poem.slice(0, 12), poem.slice(12)]);
    }
    await model.dispose();
  }));

test('the classic preset generates and prints like the original program', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    // Without ReLU on the logits: with it, too many characters end up with a constant logit of 0 to memorize anything.
    const config = { data, reluLogits: false, batch: 2, epochs: 40, lr: 0.004, threads: 1 };
    await events({ preset: 'classic', config, out });
    const model = await Model.load(out);
    // 24 characters, plus the E that the original program leaves on the last piece, which is too short to be printed.
    expect(await classicPoem(model, '床')).toEqual(['床前明月光，疑是地上霜。', '举头望明月，低头思故乡。']);
    await expect(classicPoem(model, '鱻')).rejects.toMatchObject({ code: 'ERR_TANGSHI_VOCAB' });
    await model.dispose();
  }));

// 6 of the 8 poems are training poems, 3 steps per epoch: covers stops within an epoch and at its end.
test.each([
  [1, 1],
  [3, 1],
  [5, 2],
  [6, 1],
  [11, 2],
])(
  'stopped after step %i on %i threads and resumed, a run is bitwise identical to an uninterrupted one',
  (stop, threads) =>
    inFolder(async (folder, data) => {
      const config = { ...small(data), threads };
      const [whole, broken] = [join(folder, 'whole'), join(folder, 'broken')];
      const expected = await events({ config, out: whole });
      const before = await events({ config, out: broken, maxSteps: stop, saveEvery: 2 });
      const after = await events({ out: broken, resume: true, saveEvery: 2 });
      expect(before.at(-1)).toMatchObject({ type: 'done', reason: 'max-steps', step: stop });
      expect([...losses(before), ...losses(after)]).toEqual(losses(expected));
      const [a, b] = await Promise.all(
        [whole, broken].map((run) => readCheckpoint(join(run, 'last.safetensors'))),
      );
      expect(b?.tensors).toEqual(a?.tensors);
      expect({ ...b?.progress, seconds: 0 }).toEqual({ ...a?.progress, seconds: 0 });
      expect(await readMetrics(broken)).toEqual(await readMetrics(whole));
    }),
);

/** Omits the evaluation when a limit is reached, which an uninterrupted run does not have. */
async function readMetrics(run: string): Promise<unknown[]> {
  const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines
    .map((line) => ({ ...JSON.parse(line), tokensPerSecond: 0 }))
    .filter(({ type }) => type !== 'evaluation');
}

test.each<[string, Partial<TrainOptions>]>([
  ['maxSteps', { maxSteps: 5 }],
  ['minutes', { minutes: 1e-9 }],
])(
  'a run that %s ends within an epoch is evaluated there, so that its best checkpoint is up to date',
  (_, limit) =>
    inFolder(async (folder, data) => {
      const out = join(folder, 'run');
      await events({ config: small(data), out, maxSteps: 4 });
      // A time limit that has already passed ends training before the first step.
      const { step } = (await readCheckpoint(join(out, 'last.safetensors'))).progress;
      const after = await events({ out, resume: true, ...limit });
      const evaluation = after.find(({ type }) => type === 'evaluation');
      const last = await readCheckpoint(join(out, 'last.safetensors'));
      expect(last.progress.step).toBe(limit.maxSteps ?? step);
      expect(evaluation).toMatchObject({ step: last.progress.step, heldOut: { tokens: expect.any(Number) } });
      const best = await readCheckpoint(join(out, 'best.safetensors'));
      expect(best.tensors).toEqual(last.tensors);
      // The best checkpoint is chosen at the end of the epoch, as if the run had not stopped.
      expect(last.progress.best).toMatchObject({ step: 3 });
    }),
);

test('a better model of an evaluation at a limit is not replaced by a worse one of a later epoch', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: small(data), out, maxSteps: 5 });
    const metrics = join(out, 'metrics.jsonl');
    const lines = await readFile(metrics, 'utf8');
    await writeFile(metrics, lines.replace(/("type":"evaluation".*?"nll":)[\d.]+/, '$10.001'));
    await events({ out, resume: true });
    expect((await readCheckpoint(join(out, 'best.safetensors'))).progress.step).toBe(5);
    const { progress } = await readCheckpoint(join(out, 'last.safetensors'));
    expect(progress.best?.step).toBeGreaterThan(5); // as of a run that was not stopped
  }));

test('the corpus may be moved before a resume; its content must be the same', () =>
  inFolder(async (folder, data) => {
    const extra = join(folder, 'more.txt');
    await writeFile(extra, '诗:两个黄鹂鸣翠柳，一行白鹭上青天。\n');
    const config = { ...small(data), heldOut: 0, extra: [extra] };
    const [out, whole] = [join(folder, 'run'), join(folder, 'whole')];
    const unbroken = await events({ config, out: whole });
    const before = await events({ config, out, maxSteps: 5 });
    const [moved, movedExtra] = [join(folder, 'moved.txt'), join(folder, 'moved-more.txt')];
    await rename(data, moved);
    await rename(extra, movedExtra);
    await expect(events({ out, resume: true })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_CORPUS',
      option: 'data',
      message: expect.stringMatching(
        /poems\.txt: no such file.*If the corpus was moved, set data to its new path/,
      ),
    });
    const paths = { data: moved, extra: [movedExtra] };
    await expect(events({ out, resume: true, config: { ...paths, data: movedExtra } })).rejects.toMatchObject(
      {
        code: 'ERR_TANGSHI_RUN',
        message: expect.stringContaining('moved-more.txt'),
      },
    );
    const after = await events({ out, resume: true, config: paths });
    expect([...losses(before), ...losses(after)]).toEqual(losses(unbroken));
    expect((await readCheckpoint(join(out, 'last.safetensors'))).config).toMatchObject(paths);
  }));

test('initial weights are saved from the start, and bring their vocabulary', () =>
  inFolder(async (folder, data) => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    await events({ config: { ...small(data), epochs: 1 }, out: first });
    const init = join(first, 'last.safetensors');
    const other = join(folder, 'other.txt');
    await writeFile(other, `题:${POEMS[0]}\n题:${POEMS[1]}\n题:渭城朝雨浥轻尘，客舍青青柳色新。\n`);
    const config = { ...small(other), heldOut: 0 };
    const unbroken = await events({ config, out: join(folder, 'whole'), init });

    // Dropped after the first step, long before a checkpoint is due.
    for await (const event of train({ config, out: second, init })) if (event.type === 'step') break;
    const resumed = await events({ out: second, resume: true });
    expect(resumed[0]).toMatchObject({ done: 0, notices: [] });
    expect(losses(resumed)).toEqual(losses(unbroken));
    const [a, b] = await Promise.all([init, join(second, 'last.safetensors')].map(readCheckpoint));
    expect(b?.vocab.toJSON()).toEqual(a?.vocab.toJSON());
    expect(a?.corpus.before).toBeUndefined();
    expect(b?.corpus).toMatchObject({ name: 'other.txt', before: [a?.corpus] });

    const wrong = events({ config: { ...config, hiddenDim: 25 }, out: join(folder, 'wrong'), init });
    await expect(wrong).rejects.toMatchObject({
      code: 'ERR_TANGSHI_CHECKPOINT',
      message: expect.stringContaining(init),
    });
  }));

test('accepts weights saved by Python, without metadata or with a wrapper prefix, but not NaN', () =>
  inFolder(async (folder, data) => {
    const first = join(folder, 'first');
    await events({ config: small(data), out: first, maxSteps: 1 });
    const { tensors } = await readWeights(join(first, 'last.safetensors'));
    const renamed = Object.entries(tensors).map(([name, tensor]) => [`_orig_mod.module.${name}`, tensor]);
    const init = join(folder, 'wrapped.safetensors');
    const write = (file: TensorMap) =>
      writeFile(init, Buffer.concat(encodeSafetensors({ tensors: file, metadata: {} })));
    await write(Object.fromEntries(renamed));
    for await (const event of train({ config: small(data), out: join(folder, 'third'), init }))
      if (event.type === 'checkpoint') break;
    const third = await readWeights(join(folder, 'third', 'last.safetensors'));
    expect(third.tensors).toEqual(tensors);

    const bias = tensors['fc.bias'] as TensorMap[string];
    await write({ ...tensors, 'fc.bias': { ...bias, data: new Uint8Array(bias.data.length).fill(255) } });
    await expect(events({ config: small(data), out: join(folder, 'fourth'), init })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_CHECKPOINT',
      message: expect.stringMatching(/wrapped\.safetensors has a value in fc\.bias that is NaN or infinite/),
    });
  }));

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
  '%d steps between checkpoints or log lines are rejected',
  (count) =>
    inFolder(async (folder, data) => {
      for (const name of ['saveEvery', 'logEvery']) {
        const run = events({ config: small(data), out: join(folder, 'run'), [name]: count });
        await expect(run).rejects.toMatchObject({
          code: 'ERR_TANGSHI_INVALID_ARG',
          message: expect.stringContaining(name),
        });
      }
    }),
);

test('an abort takes effect after the current step, and a resume continues from there', () =>
  inFolder(async (folder, data) => {
    const config = small(data);
    const out = join(folder, 'run');
    const controller = new AbortController();
    const before: TrainEvent[] = [];
    for await (const event of train({ config, out, signal: controller.signal })) {
      before.push(event);
      if (event.type === 'step' && event.step === 3) controller.abort(); // the last of an epoch
    }
    expect(before.at(-1)).toMatchObject({ type: 'done', reason: 'interrupted', step: 3 });
    expect(before.some(({ type }) => type === 'epoch')).toBe(false);
    const after = await events({ out, resume: true });
    expect(after.filter(({ type }) => type === 'epoch')).toHaveLength(6);
    const unbroken = await events({ config, out: join(folder, 'whole') });
    expect([...losses(before), ...losses(after)]).toEqual(losses(unbroken));
  }));

test('with a signal aborted before the start, training rejects and writes nothing', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const { data: _, ...config } = small(data);
    const run = events({ config, texts: POEMS, out, signal: AbortSignal.abort('enough') });
    await expect(run).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' });
    expect(existsSync(out)).toBe(false);
    await events({ config: small(data), out, maxSteps: 2 });
    const resumed = events({ out, resume: true, signal: AbortSignal.abort() });
    await expect(resumed).rejects.toMatchObject({ name: 'AbortError' });
    expect((await readCheckpoint(join(out, 'last.safetensors'))).progress.step).toBe(2);
  }));

test('the plan reports the precision the device computes in', () =>
  inFolder(async (folder, data) => {
    const run = events({ config: small(data), out: join(folder, 'run'), device: 'cpu', maxSteps: 1 });
    expect((await run)[0]).toMatchObject({ type: 'plan', device: 'cpu', precision: 'fp32' });
  }));

test('bf16 on the CPU, where it is possible; fp16 is refused', () =>
  inFolder(async (folder, data) => {
    const run = (precision: 'bf16' | 'fp16') =>
      events({
        config: { ...small(data), precision },
        out: join(folder, precision),
        device: 'cpu',
        maxSteps: 2,
      });
    const bf16 = await run('bf16').catch((error: unknown) => error);
    if (bf16 instanceof Error) {
      expect(bf16).toMatchObject({ code: 'ERR_TANGSHI_DEVICE', option: 'precision' });
      expect(bf16.message).toMatch(/AVX512_BF16: use precision fp32$/);
    } else expect((bf16 as TrainEvent[])[0]).toMatchObject({ type: 'plan', precision: 'bf16' });
    if (process.platform === 'linux' && process.arch === 'x64')
      expect(bf16 instanceof Error).toBe(!readFileSync('/proc/cpuinfo', 'utf8').includes('avx512_bf16'));
    await expect(run('fp16')).rejects.toMatchObject({
      code: 'ERR_TANGSHI_DEVICE',
      message: 'fp16 needs a GPU: use precision fp32',
      option: 'precision',
    });
    expect(existsSync(join(folder, 'fp16'))).toBe(false);
  }));

test('a run can be resumed with another precision', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: small(data), out, device: 'cpu', maxSteps: 2 });
    const resumed = async (precision: 'fp32' | 'bf16') =>
      (await events({ config: { precision }, out, resume: true, device: 'cpu', maxSteps: 2 }))[0];
    // On the CPU, tf32 is the same as fp32.
    expect(await resumed('fp32')).toMatchObject({ precision: 'fp32', notices: [] });
    const bf16 = await resumed('bf16').catch((error: unknown) => error);
    if (bf16 instanceof Error) expect(bf16.message).toMatch(/AVX512_BF16/);
    else
      expect(bf16).toMatchObject({
        notices: ['bf16 instead of fp32: the run is no longer bit-equal to an unbroken one'],
      });
  }));

test('a run without a checkpoint starts over, and metrics of lost steps are dropped', () =>
  inFolder(async (folder, data) => {
    const config = small(data);
    const out = join(folder, 'run');
    for await (const event of train({ config, out })) if (event.type === 'step' && event.step === 2) break;
    const after = await events({ out, resume: true });
    expect(after[0]).toMatchObject({
      type: 'plan',
      done: 0,
      notices: [expect.stringContaining('starts again')],
    });
    expect((await readMetrics(out)).filter((line) => (line as TrainEvent).type === 'step')).toHaveLength(18);
  }));

test('a resume reports changes in the environment if its checkpoint records the old one', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const last = join(out, 'last.safetensors');
    await events({ config: small(data), out, device: 'cpu', maxSteps: 2 });
    const resumed = async () => (await events({ out, resume: true, device: 'cpu', maxSteps: 2 }))[0];
    const { environment, ...checkpoint } = await readCheckpoint(last);
    expect(environment).toEqual({
      device: 'cpu',
      instructionSet: expect.stringMatching(/^(baseline|avx2|avx512)$/),
      libtorch: expect.stringMatching(/^\d+\.\d+\.\d+/),
      unicode: process.versions.unicode,
    });
    expect(await resumed()).toMatchObject({ notices: [] });

    const before = { device: 'cuda', instructionSet: 'avx1024', libtorch: '1.0.0', unicode: '3.0' } as const;
    await writeCheckpoint(last, { ...checkpoint, environment: before });
    const unequal = ': the run is no longer bit-equal to an unbroken one';
    expect(await resumed()).toMatchObject({
      notices: [
        `cpu instead of cuda${unequal}`,
        `${environment?.instructionSet} instead of avx1024${unequal}`,
        `libtorch ${environment?.libtorch} instead of 1.0.0${unequal}`,
        `Unicode ${environment?.unicode} instead of 3.0${unequal}`,
      ],
    });
    await writeCheckpoint(last, { ...checkpoint, environment: before });
    await writeFile(data, `题:${POEMS[0]}\n`);
    await expect(resumed()).rejects.toMatchObject({
      code: 'ERR_TANGSHI_RUN',
      message: expect.stringContaining('Unicode'),
    });

    await writeFile(data, `${POEMS.map((poem, index) => `诗${index}:${poem}`).join('\n')}\n`);
    await writeCheckpoint(last, checkpoint);
    expect(await resumed()).toMatchObject({ notices: [] });
  }));

test('a resume may raise epochs; other changes are rejected', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: { ...small(data), epochs: 1 }, out });
    const resume = (config: TrainOptions['config'], preset?: TrainOptions['preset']) =>
      events({ config, preset, out, resume: true });
    await expect(resume({ lr: 1 })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_RUN',
      message: expect.stringContaining('lr'),
    });
    await expect(resume({ cell: 'gru' })).rejects.toMatchObject({ code: 'ERR_TANGSHI_RUN' });
    await expect(resume({}, 'classic')).rejects.toMatchObject({ code: 'ERR_TANGSHI_RUN' });
    await expect(events({ config: small(data), out })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_RUN',
      message: expect.stringContaining('set resume'),
    });
    const more = await resume({ epochs: 2, threads: 2 });
    expect(more[0]).toMatchObject({
      done: 3,
      steps: 6,
      notices: [expect.stringContaining('learning rate')],
    });
    expect(more.at(-1)).toMatchObject({ step: 6, reason: 'finished' });
    await writeFile(data, '题:完全不同的一首诗，不是原来的。\n');
    await expect(resume({ epochs: 3 })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_RUN',
      message: expect.stringContaining('corpus'),
    });
  }));

test('a NaN loss stops the run, and the error gives the step', () =>
  inFolder(async (folder, data) => {
    const config = { ...small(data), lr: 1e6 };
    const error = await events({ config, out: join(folder, 'run') }).catch((reason) => reason);
    expect(error).toMatchObject({
      code: 'ERR_TANGSHI_NON_FINITE',
      message: expect.stringMatching(/^Step \d+ \(epoch \d/),
    });
  }));

test.each(['gru', 'rnn'] as const)('a %s trains and generates', (cell) =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: { ...small(data), cell, epochs: 1 }, out });
    const model = await Model.load(out);
    const poems = await model.generateMany(3, { prompt: '春', seed: 5, maxLength: 30 });
    expect(poems).toHaveLength(3);
    for (const { text } of poems) {
      expect(text).toMatch(/^春/);
      expect([...text].length).toBeLessThanOrEqual(30);
    }
    expect(await model.generateMany(3, { prompt: '春', seed: 5, maxLength: 30 })).toEqual(poems);
    await model.dispose();
  }),
);

test('extra corpora are used in training and again after a resume, and cannot be exchanged', () =>
  inFolder(async (folder, data) => {
    const extra = join(folder, 'more.txt');
    await writeFile(extra, '诗:烟波江上使人愁，日暮乡关何处是。\n诗:两个黄鹂鸣翠柳，一行白鹭上青天。\n');
    const config = { ...small(data), heldOut: 0, extra: [extra] };
    const out = join(folder, 'run');
    const [plan] = await events({ config, out, maxSteps: 2 });
    expect(plan).toMatchObject({ corpus: 'poems.txt + more.txt', poems: POEMS.length + 2 });
    const after = await events({ config: { extra: [extra] }, out, resume: true });
    expect(after.at(-1)).toMatchObject({ reason: 'finished' });
    const { lineFilter, vocab, corpus } = await readCheckpoint(join(out, 'last.safetensors'));
    expect(corpus.name).toBe('poems.txt + more.txt');
    expect(vocab.has('鹂')).toBe(true);
    expect(lineFilter?.has('一行白鹭上青天')).toBe(true);
    await expect(events({ config: { extra: [data] }, out, resume: true })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_RUN',
      message: expect.stringContaining('not the one'),
    });
    await writeFile(extra, '诗:两个黄鹂鸣翠柳，一行白鹭上青天。\n');
    await expect(events({ out, resume: true, config: { epochs: 9 } })).rejects.toMatchObject({
      message: expect.stringContaining('not the one'),
    });
  }));

test('an option that belongs in config is rejected elsewhere, and the error says so', () =>
  inFolder(async (folder, data) => {
    const options = { data, out: join(folder, 'run') } as never;
    await expect(events(options)).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: expect.stringContaining('unknown option data, which belongs in config'),
    });
  }));

describe('poems passed as texts', () => {
  const config = { ...small(''), data: undefined, heldOut: 0, epochs: 2 };

  test('train like the lines of a file, also after a resume', () =>
    inFolder(async (folder, data) => {
      const [fromTexts, fromFile] = [join(folder, 'texts'), join(folder, 'file')];
      await writeFile(data, POEMS.join('\n'));
      const expected = await events({ config: { ...config, data, format: 'lines' }, out: fromFile });
      const before = await events({ config, texts: POEMS, out: fromTexts, maxSteps: 3 });
      expect(before[0]).toMatchObject({ type: 'plan', corpus: 'texts', poems: POEMS.length });
      const after = await events({ texts: POEMS, out: fromTexts, resume: true });
      expect([...losses(before), ...losses(after)]).toEqual(losses(expected));
      const [a, b] = await Promise.all(
        [fromTexts, fromFile].map((run) => readCheckpoint(join(run, 'last.safetensors'))),
      );
      expect(a?.config.data).toBe('texts');
      expect(a?.tensors).toEqual(b?.tensors);
      await using model = await Model.load(fromTexts);
      expect((await model.generate({ prompt: '春', seed: 1 })).text).toMatch(/^春/);
    }));

  test('must be the same for a resume', () =>
    inFolder(async (folder, data) => {
      const [fromTexts, fromFile] = [join(folder, 'texts'), join(folder, 'file')];
      await events({ config, texts: POEMS, out: fromTexts, maxSteps: 2 });
      await events({ config: { ...config, data }, out: fromFile, maxSteps: 2 });
      const refusal = (message: RegExp) => ({
        code: 'ERR_TANGSHI_RUN',
        message: expect.stringMatching(message),
      });
      await expect(events({ out: fromTexts, resume: true })).rejects.toMatchObject(
        refusal(/pass the same texts/),
      );
      const others = POEMS.slice(1);
      await expect(events({ texts: others, out: fromTexts, resume: true })).rejects.toMatchObject(
        refusal(/not the one/),
      );
      await expect(events({ texts: POEMS, out: fromFile, resume: true })).rejects.toMatchObject(
        refusal(/omit texts/),
      );
    }));

  test.each<[unknown, object, RegExp]>([
    ['床前明月光', {}, /texts/],
    [[1], {}, /texts\.0/],
    [POEMS, { data: 'poems' }, /either texts or data/],
  ])('%j is rejected', (texts, changes, message) =>
    inFolder(async (folder) => {
      const options = {
        config: { ...config, ...changes },
        texts: texts as string[],
        out: join(folder, 'run'),
      };
      await expect(events(options)).rejects.toMatchObject({
        code: 'ERR_TANGSHI_INVALID_ARG',
        message: expect.stringMatching(message),
      });
    }),
  );

  test('may not be empty, and must contain poems', () =>
    inFolder(async (folder) => {
      for (const texts of [[], ['hello']]) {
        const training = events({ config, texts, out: join(folder, 'run') });
        await expect(training).rejects.toMatchObject({ code: 'ERR_TANGSHI_CORPUS' });
      }
    }));
});

test('the run folder is required', async () => {
  await expect(events({ config: { data: 'poems' } } as never)).rejects.toMatchObject({
    code: 'ERR_TANGSHI_INVALID_ARG',
    option: 'out',
    message: 'Invalid options: out is required',
  });
});

test('plain: trains on any text, unmodified', () =>
  inFolder(async (folder) => {
    const data = join(folder, 'own.txt');
    const text = ['To be, or not to be: that is the question.', 'The rest is silence. '];
    await writeFile(data, text.join('\n'));
    const out = join(folder, 'run');
    const config = { ...small(data), cleaning: 'plain', minCount: 1, heldOut: 0, dropout: 0 } as const;
    await events({
      config: { ...config, format: undefined, hiddenDim: 48, batch: 2, epochs: 150, lr: 0.01 },
      out,
    });
    await using model = await Model.load(out);
    for (const line of text) {
      const recited = await model.generate({ prompt: line.slice(0, 3), temperature: 0 });
      expect(recited).toMatchObject({ text: line.trim(), complete: true });
    }
  }));
