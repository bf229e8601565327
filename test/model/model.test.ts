import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  AbortError,
  BUNDLED_MODEL,
  builtinCorpusPath,
  checkPoem,
  classicPoem,
  evaluate,
  LineFilter,
  loadDataset,
  Model,
  measureForms,
  presetConfig,
  Vocab,
} from '../../lib';
import { untrainedCheckpoint, untrainedModel } from './untrained';

const TEXT = '床前明月光，疑是地上霜。举头望明月，低头思故乡。';
const modernVocab = Vocab.build([TEXT], { minCount: 1 });

let modern: Model;
let classic: Model;
beforeAll(async () => {
  modern = await untrainedModel(modernVocab);
  classic = await untrainedModel(Vocab.classic([TEXT]));
});
afterAll(() => Promise.all([modern.dispose(), classic.dispose()]));

describe('generateMany', () => {
  const noise = { temperature: 3, topP: 1, maxLength: 40 };

  test('never generates UNK or begin, nor exceeds the maximum length', async () => {
    for (const model of [modern, classic]) {
      for (const { text } of await model.generateMany(200, { ...noise, seed: 1 })) {
        expect(text).not.toMatch(/[<>G]/);
        expect([...text].length).toBeLessThanOrEqual(40);
      }
    }
  });

  test('cuts an incomplete poem after its last complete sentence, if it has one', async () => {
    const poems = await modern.generateMany(200, { ...noise, seed: 2 });
    const cut = poems.filter(({ complete }) => !complete);
    expect(cut.length).toBeGreaterThan(0);
    for (const { text } of cut) if (text.includes('。')) expect(text.endsWith('。')).toBe(true);
    for (const { text, lines } of poems) expect(lines.join('')).toBe(text);
  });

  test.each([{}, { form: '五绝', rhyme: false, tone: 'off' }, { bestOf: 4 }] as const)(
    'poem i is the one that generate returns for seed + i: %j',
    async (options) => {
      const poems = await modern.generateMany(5, { ...options, seed: 7 });
      for (const [i, poem] of poems.entries()) {
        expect(poem.seed).toBe(7 + i);
        expect(await modern.generate({ ...options, seed: 7 + i })).toEqual(poem);
      }
      expect(new Set(poems.map(({ text }) => text)).size).toBeGreaterThan(1);
    },
  );

  test('splits a large request, and checks for an abort in between', async () => {
    const options = { bestOf: 1000, maxLength: 2, seed: 1 };
    const poems = await modern.generateMany(6, options); // 4 poems per chunk
    expect(poems.map(({ seed }) => seed)).toEqual([1, 2, 3, 4, 5, 6]);
    const many = modern.generateMany(100_000, { ...options, signal: AbortSignal.timeout(50) });
    await expect(many).rejects.toBeInstanceOf(AbortError);
  });

  test.each([0, -1, 1.5, 1e9, Number.NaN, '3', undefined])(
    'rejects %p as the number of poems',
    async (count) => {
      await expect(modern.generateMany(count as number)).rejects.toMatchObject({
        code: 'ERR_TANGSHI_INVALID_ARG',
        option: 'count',
      });
    },
  );

  test('the last seed is the largest safe integer', async () => {
    const seed = Number.MAX_SAFE_INTEGER;
    expect(await modern.generate({ seed })).toMatchObject({ seed });
    await expect(modern.generateMany(2, { seed })).rejects.toMatchObject({ option: 'seed' });
  });
});

describe('generate', () => {
  test('keeps the prompt at the start, wherever the poem is cut', async () => {
    for (const prompt of ['明。月', '床前明月光，疑是地上霜。举头', '明'.repeat(100)]) {
      for (const maxLength of [[...prompt].length + 1, [...prompt].length + 9, undefined]) {
        const poems = await modern.generateMany(20, { prompt, maxLength, temperature: 3, seed: 1 });
        for (const { text } of poems) expect(text.startsWith(prompt)).toBe(true);
      }
    }
  });

  test('a seed reproduces its poem; the default seed is random', async () => {
    const generate = (seed?: number) => modern.generate({ prompt: '明', seed });
    expect(await generate(3)).toEqual(await generate(3));
    expect((await generate(3)).text).not.toBe((await generate(4)).text);
    const [a, b] = [await generate(), await generate()];
    expect(a.seed).not.toBe(b.seed);
    expect(await generate(a.seed)).toEqual(a);
  });

  test('prefers drafts without lines of the corpus', async () => {
    const options = { prompt: '明', form: '4x5', bestOf: 8 } as const;
    for (const seed of [1, 2, 3]) {
      const best = await modern.generate({ ...options, seed });
      await using known = await untrainedModel(modernVocab, LineFilter.of([best.text]));
      expect((await known.generate({ ...options, seed })).text).not.toBe(best.text);
      await using none = await untrainedModel(modernVocab, LineFilter.of([]));
      expect(await none.generate({ ...options, seed })).toEqual(best);
    }
  });

  test("logProb is the sum of next's log-probabilities", async () => {
    const { text, logProb, complete } = await modern.generate({ prompt: '明', maxLength: 6, seed: 2 });
    const drawn = [...text].slice(1);
    expect(complete || drawn.length === 5).toBe(true);
    let sum = 0;
    for (const [i, char] of [...drawn, ...(complete ? [''] : [])].entries()) {
      const next = await modern.next(text.slice(0, i + 1), { top: modernVocab.size });
      sum += next.find((candidate) => candidate.char === char)?.logProb ?? Number.NaN;
    }
    expect(logProb).toBeCloseTo(sum, 4);
  });

  test('treats undefined options as absent', async () => {
    const options = { prompt: '明', seed: 3, temperature: undefined, maxLength: undefined };
    expect(await modern.generate(options)).toEqual(await modern.generate({ prompt: '明', seed: 3 }));
  });

  test.each([
    ['seed', { seed: -1 }],
    ['seed', { seed: 2 ** 53 }],
    ['temperature', { temperature: -1 }],
    ['topP', { topP: 2 }],
    ['topK', { topK: 0.5 }],
    ['bestOf', { bestOf: 0 }],
    ['bestOf', { bestOf: 1001 }],
    ['beam', { beam: 0 }],
    ['maxLength', { prompt: '明月', maxLength: 2 }],
    ['maxLength', { maxLength: Number.NaN }],
    ['prompt', { prompt: '明'.repeat(1001) }],
    ['context', { context: '明'.repeat(1001) }],
    ['form', { form: '六绝' }],
    ['maxLength', { form: '4x5', maxLength: 9 }],
    ['tone', { tone: 'strict' }],
    ['count', { count: 2 }],
    ['promt', { promt: '明' }],
  ])('an invalid %s is rejected, and the error names it', async (option, options) => {
    const error = { name: 'TangshiError', code: 'ERR_TANGSHI_INVALID_ARG', option };
    await expect(modern.generate(options as never)).rejects.toMatchObject(error);
  });

  test('the error names an unknown option or character', async () => {
    await expect(modern.generate({ promt: '明' } as never)).rejects.toThrow(/unknown option promt$/);
    await expect(modern.generate({ prompt: '鱻' })).rejects.toMatchObject({ code: 'ERR_TANGSHI_VOCAB' });
  });

  test('an abort rejects with an AbortError whose cause is the reason', async () => {
    const aborted = { name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' };
    await expect(modern.generate({ signal: AbortSignal.abort('enough') })).rejects.toMatchObject(aborted);
    const controller = new AbortController();
    const poem = modern.generate({ maxLength: 1_000_000, seed: 1, topK: 1, signal: controller.signal });
    setTimeout(() => controller.abort('enough'), 20);
    await expect(poem).rejects.toMatchObject(aborted);
  });
});

describe('stream', () => {
  test('yields the poem that generate returns, character by character', async () => {
    for (const seed of [1, 2, 3]) {
      const options = { prompt: '明月', temperature: 1, seed, maxLength: 60 };
      const whole = await modern.generate({ ...options, bestOf: 1 });
      const chars: string[] = [];
      const stream = modern.stream(options);
      let next = await stream.next();
      for (; !next.done; next = await stream.next()) chars.push(next.value);
      expect(next.value).toEqual(whole);
      expect(chars.every((char) => [...char].length === 1)).toBe(true);
      expect(chars.join('').startsWith(whole.text)).toBe(true);
    }
  });

  test('breaking out of the loop cancels generation', async () => {
    const started = performance.now();
    const endless = await modern.generate({ prompt: '明', maxLength: 5000, topK: 1, seed: 1 });
    const took = performance.now() - started;
    expect(endless.complete).toBe(false);
    for await (const char of modern.stream({ prompt: '明', maxLength: 1_000_000, topK: 1, seed: 1 })) {
      if (char !== '明') break;
    }
    // A million characters would take 200 times as long.
    const left = performance.now();
    await modern.generate({ seed: 1, maxLength: 20 });
    expect(performance.now() - left).toBeLessThan(100 * took);
  });

  test('rejects like generate', async () => {
    const aborted = modern.stream({ signal: AbortSignal.abort() }).next();
    await expect(aborted).rejects.toBeInstanceOf(AbortError);
    await expect(modern.stream({ prompt: '鱻' }).next()).rejects.toMatchObject({
      code: 'ERR_TANGSHI_VOCAB',
    });
    await expect(modern.stream({ bestOf: 2 } as never).next()).rejects.toMatchObject({ option: 'bestOf' });
  });
});

test('prompts, contexts and acrostics may use half-width punctuation, spaces and the other script', async () => {
  const seed = { seed: 1 };
  const plain = await modern.generate({ prompt: '床前明月光，', context: '疑是地上霜。', ...seed });
  expect(await modern.generate({ prompt: ' 床前明月光,\n', context: '疑是 地上霜.', ...seed })).toEqual(
    plain,
  );
  expect(plain.text.startsWith('床前明月光，')).toBe(true);
  const acrostic = await modern.generate({ acrostic: '床前明月', rhyme: false, ...seed });
  expect(await modern.generate({ acrostic: '床, 前，明 月', rhyme: false, ...seed })).toEqual(acrostic);
  const { text } = await modern.generate({ prompt: '舉頭望', ...seed });
  expect(text.startsWith('举头望')).toBe(true);
  const scores = [
    await modern.score('床前明月光,疑是地上霜.'),
    await modern.score('床前明月光，疑是地上霜。'),
  ];
  expect(scores[0]).toEqual(scores[1]);
});

test('a prompt of complete sentences is continued by at least a line', async () => {
  const prompt = '床前明月光，疑是地上霜。';
  const poems = await modern.generateMany(200, { prompt, seed: 1, maxLength: 60 });
  const others = await modern.generateMany(200, { seed: 1, maxLength: 60 });
  const complete = [...poems, ...others].filter((poem) => poem.complete); // others are cut at maxLength
  expect(complete.length).toBeGreaterThan(20);
  for (const { text } of complete)
    expect([...text].length).toBeGreaterThanOrEqual(text.startsWith(prompt) ? [...prompt].length + 5 : 5);
});

test('errors name the option that caused them', async () => {
  const option = (name: string) => ({ name: 'TangshiError', option: name });
  await expect(modern.generate({ prompt: '鱻' })).rejects.toMatchObject(option('prompt'));
  await expect(modern.generate({ prompt: '床', context: '鱻' })).rejects.toMatchObject(option('context'));
  await expect(Model.load('')).rejects.toMatchObject(option('source'));
  expect(() => presetConfig('foo' as never)).toThrow(expect.objectContaining(option('preset')));
  expect(() => checkPoem(5 as never)).toThrow(expect.objectContaining({ name: 'TangshiError' }));
  await expect(builtinCorpusPath('foo' as never)).rejects.toMatchObject({ name: 'TangshiError' });
  await expect(loadDataset(undefined as never)).rejects.toMatchObject({ name: 'TangshiError' });
  await expect(modern.generate({ form: '五绝', rhyme: false, rhymeGroup: '东' })).rejects.toMatchObject(
    option('rhymeGroup'),
  );
});

test('a file URL may be a string, and stream supports beam search', async () => {
  await using model = await Model.load(pathToFileURL(BUNDLED_MODEL).href);
  const expected = await model.generate({ prompt: '湖', beam: 3 });
  let text = '';
  for await (const char of model.stream({ prompt: '湖', beam: 3 })) text += char;
  expect(text).toBe(expected.text);
});

describe('score and next', () => {
  test('the score equals the result of evaluate, one character at a time', async () => {
    const { nll, perplexity, chars } = await modern.score(TEXT);
    expect(chars.map(({ char }) => char)).toEqual([...TEXT, '']);
    expect(nll).toBeCloseTo((await evaluate(modern, [modernVocab.encodePoem(TEXT)])).nll, 5);
    expect(perplexity).toBeCloseTo(Math.exp(nll), 10);
    expect(chars.every(({ logProb }) => logProb < 0)).toBe(true);
  });

  test('white space is ignored, and unknown characters are scored as UNK', async () => {
    expect(await modern.score('床前明月光，\n 疑是地上霜。')).toEqual(
      await modern.score('床前明月光，疑是地上霜。'),
    );
    expect((await modern.score('鱻')).chars.map(({ char }) => char)).toEqual(['鱻', '']);
    await expect(classic.score('鱻')).rejects.toMatchObject({ code: 'ERR_TANGSHI_VOCAB' });
  });

  test('next returns the most likely characters with the probabilities that score uses', async () => {
    const next = await modern.next('床前', { top: 5 });
    expect(next).toHaveLength(5);
    expect(next).toEqual([...next].sort((a, b) => b.logProb - a.logProb));
    for (const { char, logProb, probability } of next) {
      expect(probability).toBeCloseTo(Math.exp(logProb), 10);
      if (char === '') continue;
      expect((await modern.score(`床前${char}`)).chars[2]?.logProb).toBeCloseTo(logProb, 4);
    }
  });

  test('every character and the end have a probability, except for UNK and begin', async () => {
    const all = await modern.next('', { top: 1000 });
    expect(new Set(all.map(({ char }) => char))).toEqual(new Set([...TEXT, '']));
    const sum = all.reduce((total, { probability }) => total + probability, 0);
    expect(sum).toBeGreaterThan(0.8);
    expect(sum).toBeLessThan(1);
  });

  test.each([
    ['text', undefined, {}],
    ['text', 5, {}],
    ['text', '明'.repeat(1001), {}],
    ['top', '明', { top: 0 }],
    ['top', '明', { top: 1.5 }],
  ])('an invalid %s is rejected', async (_, text, options) => {
    const error = { code: 'ERR_TANGSHI_INVALID_ARG' };
    await expect(modern.next(text as string, options)).rejects.toMatchObject(error);
    if (!('top' in options)) await expect(modern.score(text as string)).rejects.toMatchObject(error);
  });

  test('both can be aborted', async () => {
    const signal = AbortSignal.abort();
    await expect(modern.score(TEXT, { signal })).rejects.toBeInstanceOf(AbortError);
    await expect(modern.next('', { signal })).rejects.toBeInstanceOf(AbortError);
  });
});

describe('load', () => {
  let folder: string;
  let bytes: Uint8Array;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tangshi-model-'));
    bytes = await untrainedCheckpoint(modernVocab);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('loads the bundled model by default, wherever the process runs', async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      await mkdir('runs/newer', { recursive: true });
      await copyFile(BUNDLED_MODEL, 'runs/newer/best.safetensors');
      await using model = await Model.load();
      expect(model.path).toBe(BUNDLED_MODEL);
    } finally {
      process.chdir(before);
    }
  });

  test('loads a path, a file URL and bytes alike', async () => {
    const generate = async (source: string | URL | Uint8Array) => {
      await using model = await Model.load(source, { threads: 1 });
      return [model.path, (await model.generate({ seed: 1 })).text];
    };
    const [, text] = await generate(BUNDLED_MODEL);
    expect(await generate(pathToFileURL(BUNDLED_MODEL))).toEqual([BUNDLED_MODEL, text]);
    expect(await generate(await readFile(BUNDLED_MODEL))).toEqual([undefined, text]);
    expect(await generate(new Uint8Array(await readFile(BUNDLED_MODEL)))).toEqual([undefined, text]);
  });

  test('loads the best checkpoint of a run folder, or the last if there is no best', async () => {
    const run = join(folder, 'run');
    await mkdir(run);
    const load = async () => {
      await using model = await Model.load(run);
      return model.path;
    };
    await expect(load()).rejects.toMatchObject({ code: 'ERR_TANGSHI_NO_MODEL' });
    for (const name of ['last.safetensors', 'best.safetensors']) {
      await copyFile(BUNDLED_MODEL, join(run, name));
      expect(await load()).toBe(join(run, name));
    }
  });

  test.each<[string, unknown, object, string]>([
    ['a path without a file', 'nowhere', {}, 'ERR_TANGSHI_NO_MODEL'],
    ['a path below a file', join(BUNDLED_MODEL, 'x'), {}, 'ERR_TANGSHI_NO_MODEL'],
    ['another kind of file', __filename, {}, 'ERR_TANGSHI_CHECKPOINT'],
    ['random bytes', Uint8Array.from({ length: 1000 }, (_, i) => i * 7), {}, 'ERR_TANGSHI_CHECKPOINT'],
    ['no bytes', new Uint8Array(), {}, 'ERR_TANGSHI_CHECKPOINT'],
    ['another URL', new URL('https://example.org/'), {}, 'ERR_TANGSHI_INVALID_ARG'],
    ['null', null, {}, 'ERR_TANGSHI_INVALID_ARG'],
    ['a number', 5, {}, 'ERR_TANGSHI_INVALID_ARG'],
    ['an array', [1, 2], {}, 'ERR_TANGSHI_INVALID_ARG'],
    ['an unknown device', undefined, { device: 'gpu' }, 'ERR_TANGSHI_INVALID_ARG'],
    ['a missing GPU', undefined, { device: 'cuda:99' }, 'ERR_TANGSHI_DEVICE'],
    ['no threads', undefined, { threads: 0 }, 'ERR_TANGSHI_INVALID_ARG'],
    ['an unknown option', undefined, { device: 'cpu', cores: 2 }, 'ERR_TANGSHI_INVALID_ARG'],
  ])('%s is rejected', async (_, source, options, code) => {
    await expect(Model.load(source as string, options)).rejects.toMatchObject({ name: 'TangshiError', code });
  });

  test('a truncated checkpoint is rejected', async () => {
    for (let length = 0; length < bytes.length; length += 997) {
      await expect(Model.load(bytes.subarray(0, length))).rejects.toMatchObject({
        code: 'ERR_TANGSHI_CHECKPOINT',
        message: expect.stringMatching(/^The model is damaged: /),
      });
    }
  });

  test('can be aborted', async () => {
    await expect(Model.load(bytes, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AbortError);
    const controller = new AbortController();
    const loading = Model.load(undefined, { signal: controller.signal });
    controller.abort();
    await expect(loading).rejects.toBeInstanceOf(AbortError);
  });
});

describe('dispose', () => {
  const disposed = { code: 'ERR_TANGSHI_DISPOSED' };

  test('every method of a disposed model throws', async () => {
    const model = await untrainedModel(modernVocab);
    await Promise.all([model.dispose(), model.dispose()]);
    await model.dispose();
    await expect(model.generate()).rejects.toMatchObject(disposed);
    await expect(model.generateMany(0)).rejects.toMatchObject(disposed);
    await expect(model.stream().next()).rejects.toMatchObject(disposed);
    await expect(model.score(TEXT)).rejects.toMatchObject(disposed);
    await expect(model.next('')).rejects.toMatchObject(disposed);
    await expect(classicPoem(model, '床')).rejects.toMatchObject(disposed);
    await expect(evaluate(model, [Int32Array.of(1, 2)])).rejects.toMatchObject(disposed);
    await expect(measureForms(model, [TEXT], { count: 1, seed: 1 })).rejects.toMatchObject(disposed);
  });

  test('calls in progress end with the same error', async () => {
    const model = await untrainedModel(modernVocab);
    const long = { prompt: '明', maxLength: 1_000_000, topK: 1 };
    const running = [model.generate(long), model.generate(long)];
    await new Promise((resolve) => setTimeout(resolve, 20));
    const outcomes = Promise.allSettled([...running, model.score(TEXT), model.next('床前')]);
    await model.dispose();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: disposed });
  });

  test('calls run concurrently', async () => {
    const seeds = [1, 2, 3, 4, 5];
    const together = await Promise.all(seeds.map((seed) => modern.generate({ seed })));
    for (const [i, poem] of together.entries())
      expect(await modern.generate({ seed: seeds[i] })).toEqual(poem);
  });
});

test('passing a promise instead of a model is explained', async () => {
  const promise = Promise.resolve(modern) as never;
  for (const call of [
    () => classicPoem(promise, '床'),
    () => evaluate(promise, []),
    () => measureForms(promise, [TEXT], { count: 1, seed: 1 }),
  ]) {
    await expect(call()).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: expect.stringMatching(/await missing before Model\.load/),
    });
  }
  await expect(evaluate(undefined as never, [])).rejects.toThrow(/Expected a Model but received undefined/);
});

test('the original program stops after 30 characters and prints pieces of more than 10', async () => {
  for (const begin of ['床', '床前明月光，疑是地上霜。举头望明月，低头思故乡。床前明月光，疑是地上霜。']) {
    const lines = await classicPoem(classic, begin);
    for (const line of lines) expect([...line].length).toBeGreaterThan(11);
    expect(lines.join('').length).toBeLessThanOrEqual(Math.max(31, begin.length + 1) + lines.length);
  }
  await expect(classicPoem(classic, '')).rejects.toMatchObject({ code: 'ERR_TANGSHI_INVALID_ARG' });
  const aborted = classicPoem(classic, '床', { signal: AbortSignal.abort() });
  await expect(aborted).rejects.toBeInstanceOf(AbortError);
});
