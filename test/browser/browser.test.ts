/**
 * The module for browsers, in Chromium. With more poems: `SEEDS=1000 npx jest test/browser`. Its speed, on a quiet
 * machine: `SPEED=1 npx jest test/browser -t speed`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import {
  BUNDLED_MODEL,
  checkPoem,
  Model,
  type NextCharacter,
  type Poem,
  type PoemOptions,
  Vocab,
  writeModel,
} from '../../lib';
import { CONTROLS } from '../../lib/data/vocab';
import { checksum, decodeCheckpoint } from '../../lib/model/checkpoint';
import { decodeSafetensors, encodeSafetensors } from '../../lib/model/safetensors';
import { untrainedCheckpoint } from '../model/untrained';
import { buildModule, findBrowser, ROOT, Site, whatIsMissing } from './site';

// A ratio of times means nothing while other tests run.
const testSpeed = process.env.SPEED ? test : test.skip;
const SEEDS = Number(process.env.SEEDS ?? 60);
const BUILD_MINUTES = 10; // if zig's cache is empty
const PACKAGE = '/node_modules/tangshi';
/** The name of the skipped tests says what is missing. */
const missing = whatIsMissing();
const describeInBrowser = missing ? describe.skip : describe;

let folder: string;
let site: Site;
let browser: Browser;
let page: Page;
let native: Model;

/** Runs the body of an async function in the page, with the module's exports, `given` and a loaded `model` in scope. */
function inPage<T>(body: string, given: unknown = {}): Promise<T> {
  return page.evaluate(`(async (given) => {
    const { Model, checkPoem, loadRhymeBook } = await import('${PACKAGE}/dist/browser/tangshi.mjs');
    globalThis.model ??= await Model.load();
    ${body}
  })(${JSON.stringify(given)})`);
}

const failure = (call: string) =>
  inPage<{ name: string; code: string; message: string }>(
    `try { ${call} } catch ({ name, code, message }) { return { name, code, message }; }`,
  );

beforeAll(async () => {
  if (missing) return;
  folder = mkdtempSync(join(tmpdir(), 'tangshi-browser-'));
  const installed = join(folder, PACKAGE);
  await buildModule(installed);
  site = await Site.open(folder);
  site.files.set(`${PACKAGE}/models/tangshi.safetensors`, readFileSync(BUNDLED_MODEL));
  site.files.set('/page.html', readFileSync(join(ROOT, 'examples/page.html')));
  browser = await chromium.launch({ executablePath: findBrowser() });
  native = await Model.load(undefined, { threads: 1 });
}, BUILD_MINUTES * 60_000);
beforeEach(async () => {
  if (missing) return;
  page = await browser.newPage();
  await page.goto(`${site.origin}/blank.html`);
});
afterEach(() => page?.close());
afterAll(async () => {
  await native?.dispose();
  await browser?.close();
  site?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

describeInBrowser(missing ? `in a browser (skipped: ${missing})` : 'in a browser', () => {
  test('what a page downloads, apart from the model, has at most 250 KB compressed', async () => {
    site.requests.length = 0;
    const text = await inPage<string>(
      `return (await model.generate({ prompt: '湖', form: '七绝', seed: 1 })).text`,
    );
    expect(text).toMatch(/^湖/);
    const own = site.requests.filter((path) => path.startsWith(`${PACKAGE}/dist/browser/`));
    expect(own.join()).toMatch(/tangshi\.mjs.*worker\.mjs.*writer\.wasm/);
    const sizes = own.map((path) => gzipSync(readFileSync(join(folder, path)), { level: 9 }).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(250_000);
  });

  test.each<[string, number, PoemOptions]>([
    ['free poems', SEEDS, {}],
    ['quatrains of one draft', SEEDS, { form: '七绝', bestOf: 1 }],
    ['the default drafts of a form', Math.ceil(SEEDS / 10), { prompt: '湖', form: '五律' }],
    ['ci', Math.ceil(SEEDS / 10), { form: '如梦令', bestOf: 4 }],
    ['acrostics with a context', 5, { acrostic: '春夏秋冬', context: '山中无历日', bestOf: 3 }],
    ['modern rhymes', 3, { form: '五绝', rhymeBook: '中华通韵' }],
    ['traditional characters', 3, { form: '五绝', script: 'traditional' }],
    ['greedy', 1, { temperature: 0 }],
  ])('writes the same poems as Node: %s', async (_, count, options) => {
    const texts = await inPage<string[]>(
      `return (await model.generateMany(given.count, given.options)).map(({ text }) => text)`,
      { count, options: { ...options, seed: 1 } },
    );
    const expected = await native.generateMany(count, { ...options, seed: 1 });
    const same = texts.filter((text, i) => text === expected[i]?.text).length;
    expect(texts).toHaveLength(count);
    // Rounding differs, and may decide one draw in many thousands.
    expect(same).toBeGreaterThanOrEqual(count - Math.floor(count / 1000));
  });

  testSpeed('speed: at least a quarter of Node’s on one thread', async () => {
    const options: PoemOptions = { form: '七绝', bestOf: 1 };
    const call = 'await model.generateMany(96, given)';
    await inPage(call, options);
    await native.generateMany(96, options);
    const ratios: number[] = [];
    for (let seed = 0; seed < 15; seed++) {
      const given = { ...options, seed: 96 * seed };
      const started = performance.now();
      await native.generateMany(96, given);
      const own = performance.now() - started;
      const others = await inPage<number>(
        `const started = performance.now(); ${call}; return performance.now() - started`,
        given,
      );
      ratios.push(own / others);
    }
    const sorted = ratios.sort((a, b) => a - b);
    process.stdout.write(`${sorted.map((ratio) => ratio.toFixed(3)).join(' ')}\n`);
    expect(sorted[7]).toBeGreaterThan(0.25);
  });

  test('knows prompts in traditional characters', async () => {
    const options = { prompt: '雲山', form: '五绝', seed: 1, bestOf: 2 } as const;
    expect(await inPage('return (await model.generate(given)).text', options)).toBe(
      (await native.generate(options)).text,
    );
  });

  test('a beam search finds the same poem', async () => {
    const options = { prompt: '湖', form: '五绝', beam: 8 };
    expect(await inPage('return (await model.generate(given)).text', options)).toBe(
      (await native.generate(options)).text,
    );
  });

  test('streams the characters of the poem', async () => {
    const options = { prompt: '山', seed: 2 };
    const { chars, poem } = await inPage<{ chars: string[]; poem: Poem }>(
      `const stream = model.stream(given);
      const chars = [];
      for (;;) {
        const { value, done } = await stream.next();
        if (done) return { chars, poem: value };
        chars.push(value);
      }`,
      options,
    );
    expect(chars.join('')).toContain(poem.text);
    expect(poem).toEqual({
      ...(await native.generate({ ...options, bestOf: 1 })),
      logProb: expect.closeTo(poem.logProb, 3),
    });
  });

  test('the first character of a stream arrives long before the last', async () => {
    const times = await inPage<number[]>(
      `const times = [performance.now()];
      for await (const char of model.stream({ form: '40x20', seed: 1 })) times.push(performance.now());
      return times.map((time) => time - times[0])`,
    );
    expect(times[1] as number).toBeLessThan((times.at(-1) as number) / 4);
  });

  test('scores and predicts like Node', async () => {
    const text = '床前明月光，疑是地上霜。';
    const { score, next } = await inPage<{ score: number; next: NextCharacter[] }>(
      `return { score: (await model.score(given)).nll, next: await model.next('床前', { top: 5 }) }`,
      text,
    );
    expect(score).toBeCloseTo((await native.score(text)).nll, 4);
    const expected = await native.next('床前', { top: 5 });
    expect(next.map(({ char }) => char)).toEqual(expected.map(({ char }) => char));
    for (const [i, { logProb }] of expected.entries()) expect(next[i]?.logProb).toBeCloseTo(logProb, 4);
  });

  test.each(['lstm', 'gru', 'rnn'] as const)('computes any model: %s', async (cell) => {
    const bytes = await untrainedCheckpoint(native.vocab, undefined, {
      cell,
      embedDim: 12,
      hiddenDim: 20,
      layers: 2,
    });
    site.files.set('/small.safetensors', bytes);
    const other = await Model.load(bytes);
    const expected = await other.score('床前明月光，疑是地上霜。');
    await other.dispose();
    const nll = await inPage<number>(
      `const small = await Model.load('/small.safetensors');
      return (await small.score('床前明月光，疑是地上霜。')).nll`,
    );
    expect(nll).toBeCloseTo(expected.nll, 4);
  });

  test('writes to a title or a theme, with weights of 8 bits', async () => {
    const { characters } = native.vocab.toJSON();
    const vocab = Vocab.build([characters.join('')], { minCount: 1, controls: CONTROLS });
    const file = join(folder, 'eight.safetensors');
    await writeModel(file, decodeCheckpoint(await untrainedCheckpoint(vocab), file), { bits: 8 });
    site.files.set('/eight.safetensors', readFileSync(file));
    await using eight = await Model.load(file);
    const options = [
      { title: '春江夜别' },
      { theme: '中秋 想念 妈妈' },
      { theme: '蟋蟀', form: '如梦令' },
    ].map((about) => ({ ...about, seed: 1, bestOf: 1, maxLength: about.form ? undefined : 40 }));
    const expected = [];
    for (const each of options) expected.push(await eight.generate(each));
    expect(expected.map(({ title }) => title)).toEqual(['春江夜别', '中秋相思忆母', '秋']);
    const poems = await inPage<Poem[]>(
      `const eight = await Model.load('/eight.safetensors');
      const poems = [];
      for (const options of given) poems.push(await eight.generate(options));
      return poems`,
      options,
    );
    expect(poems.map(({ title, text }) => [title, text])).toEqual(
      expected.map(({ title, text }) => [title, text]),
    );
  });

  test('checks poems', async () => {
    const text = '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。';
    expect(await inPage('return checkPoem(given)', text)).toEqual(checkPoem(text));
    const modern = { rhymeBook: '中华通韵' } as const;
    expect(await failure(`checkPoem('${text}', { rhymeBook: '中华通韵' })`)).toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: expect.stringContaining('await loadRhymeBook("中华通韵")'),
    });
    expect(
      await inPage(`await loadRhymeBook('中华通韵'); return checkPoem(given.text, given.modern)`, {
        text,
        modern,
      }),
    ).toEqual(checkPoem(text, modern));
  });

  test('does not block the page', async () => {
    const longest = await inPage<number>(
      `await model.generate({ form: '七律', seed: 1 }); // tables and compiled code
      let last = performance.now();
      let longest = 0;
      const timer = setInterval(() => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 4);
      await model.generateMany(4, { form: '七律', seed: 2 });
      clearInterval(timer);
      return longest`,
    );
    expect(longest).toBeLessThan(250);
  });

  test('calls take turns, and can be aborted', async () => {
    const { order, aborted, dropped } = await inPage<{ order: string[]; aborted: string; dropped: string }>(
      `const order = [];
      const abort = new AbortController();
      const long = model.generateMany(200, { form: '七律', seed: 1, signal: abort.signal }).catch(({ name }) => name);
      await model.generate({ form: '五绝', bestOf: 1 }).then(() => order.push('short'));
      abort.abort();
      const aborted = await long;
      const drop = new AbortController();
      const busy = model.score('床前明月光');
      const waiting = model.score('床前明月光', { signal: drop.signal }).catch(({ name }) => name);
      drop.abort();
      const dropped = await waiting;
      await busy;
      await model.generate().then(() => order.push('next'));
      return { order, aborted, dropped }`,
    );
    expect(order).toEqual(['short', 'next']);
    expect([aborted, dropped]).toEqual(['AbortError', 'AbortError']);
  });

  test('errors are those of Node', async () => {
    expect(await failure(`await model.generate({ bestOf: 0 })`)).toMatchObject({
      name: 'TangshiError',
      code: 'ERR_TANGSHI_INVALID_ARG',
    });
    expect(await failure(`await Model.load('/nowhere.safetensors')`)).toMatchObject({
      code: 'ERR_TANGSHI_NO_MODEL',
      message: expect.stringMatching(/^There is no model at http:.*nowhere\.safetensors: 404/),
    });
    expect(await failure(`await Model.load('http://localhost:1/a')`)).toMatchObject({
      code: 'ERR_TANGSHI_IO',
    });
    expect(await failure(`await Model.load('')`)).toMatchObject({ code: 'ERR_TANGSHI_INVALID_ARG' });
    expect(await failure(`await Model.load(new ArrayBuffer(8))`)).toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: 'Expected a URL or a Uint8Array for the model',
    });
    expect(await failure(`await model.generate(null)`)).toMatchObject({ code: 'ERR_TANGSHI_INVALID_ARG' });
    expect(await failure(`await Model.load('http://[')`)).toMatchObject({ code: 'ERR_TANGSHI_INVALID_ARG' });
    expect(await failure(`await Model.load('/page.html')`)).toMatchObject({ code: 'ERR_TANGSHI_CHECKPOINT' });
    expect(await failure(`await Model.load(undefined, { signal: AbortSignal.abort() })`)).toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
    });
    expect(await failure(`await Model.load(undefined, { device: 'cuda' })`)).toMatchObject({
      message: 'Invalid options: unknown option device',
    });
  });

  test('a disposed model rejects calls, also those in progress', async () => {
    const call = `const poems = model.generateMany(100, { form: '七律' }); await model.dispose(); await poems;`;
    expect(await failure(call)).toMatchObject({ code: 'ERR_TANGSHI_DISPOSED' });
    expect(await failure(`await model.generate()`)).toMatchObject({ code: 'ERR_TANGSHI_DISPOSED' });
  });

  test('damaged models are refused', async () => {
    const whole = readFileSync(BUNDLED_MODEL);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(whole.length - 5000) ^ 1, whole.length - 5000);
    site.files.set('/flipped.safetensors', flipped);
    expect(await failure(`await Model.load('/flipped.safetensors')`)).toMatchObject({
      code: 'ERR_TANGSHI_CHECKPOINT',
      message: expect.stringContaining('its checksum does not match'),
    });
    const { tensors, metadata } = decodeSafetensors(whole, 'whole');
    const { 'fc.bias': bias, ...others } = tensors;
    const { checksum: _, ...facts } = metadata;
    const forged = { ...facts, checksum: checksum(facts, others) };
    expect(bias).toBeDefined();
    site.files.set(
      '/forged.safetensors',
      Buffer.concat(encodeSafetensors({ tensors: others, metadata: forged })),
    );
    expect(await failure(`await Model.load('/forged.safetensors')`)).toMatchObject({
      code: 'ERR_TANGSHI_CHECKPOINT',
      message: "The model does not match its own configuration: tensor 'fc.bias' is missing",
    });
  });

  test('bytes are a model, too, and stay the caller’s', async () => {
    const length = await inPage<number>(
      `const bytes = new Uint8Array(await (await fetch('${PACKAGE}/models/tangshi.safetensors')).arrayBuffer());
      const own = await Model.load(bytes);
      await own.generate({ bestOf: 1 });
      return bytes.length`,
    );
    expect(length).toBe(readFileSync(BUNDLED_MODEL).length);
  });

  test('a page of another origin can use it', async () => {
    const other = await Site.open();
    try {
      await page.goto(`${other.origin}/blank.html`);
      const text = await page.evaluate(`(async () => {
        const { Model } = await import('${site.origin}${PACKAGE}/dist/browser/tangshi.mjs');
        return (await (await Model.load()).generate({ seed: 1 })).text;
      })()`);
      expect(text).toBe((await native.generate({ seed: 1 })).text);
    } finally {
      other.close();
    }
  });

  test('works in a worker, too', async () => {
    const text = await page.evaluate(`new Promise((resolve, reject) => {
      const script = \`
        const { Model } = await import('${site.origin}${PACKAGE}/dist/browser/tangshi.mjs');
        const model = await Model.load('${site.origin}${PACKAGE}/models/tangshi.safetensors');
        postMessage((await model.generate({ seed: 1 })).text);\`;
      const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
      const worker = new Worker(url, { type: 'module' });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    })`);
    expect(text).toBe((await native.generate({ seed: 1 })).text);
  });

  test('after running out of memory, a model rejects every call', async () => {
    const small = await untrainedCheckpoint(native.vocab);
    site.files.set('/small.safetensors', small);
    const errors = await inPage<string[]>(
      `const own = await Model.load('/small.safetensors');
      const code = (call) => call.then(() => 'none', ({ code }) => code);
      const long = new Int32Array(2 ** 19).fill(5);
      const sequences = Array(2100).fill(long); // 4.4 GB once copied into WebAssembly, which has at most 4
      return [await code(own.session.score(sequences)), await code(own.generate({ bestOf: 1 }))]`,
    );
    expect(errors).toEqual(['ERR_TANGSHI_OUT_OF_MEMORY', 'ERR_TANGSHI_OUT_OF_MEMORY']);
  });

  test('says what is wrong if its files are not all there', async () => {
    const wasm = `${PACKAGE}/dist/browser/writer.wasm`;
    await page.route(`**${wasm}`, (route) => route.fulfill({ status: 404 }));
    expect(await failure(`await Model.load()`).catch(({ message }) => message)).toMatch(
      /writer\.wasm cannot be loaded: 404/,
    );
    await page.unroute(`**${wasm}`);
    await page.route('**/worker.mjs', (route) => route.fulfill({ status: 404 }));
    expect(await failure(`await Model.load()`).catch(({ message }) => message)).toMatch(
      /its script cannot be loaded/,
    );
  });

  test('the example page writes a poem', async () => {
    await page.goto(`${site.origin}/page.html`);
    await page.waitForSelector('button:enabled');
    await page.selectOption('select', '五律');
    await page.click('button');
    await page.waitForFunction(`document.querySelector('output').textContent.length > 40`);
    const poem = (await page.textContent('output')) ?? '';
    expect(poem).toMatch(/^湖/);
    expect(checkPoem(poem)).toMatchObject({ form: '五律', ok: true });
    await page.fill('input', '鱻');
    await page.click('button');
    await page.waitForSelector('output.error');
    expect(await page.textContent('output')).toMatch(/"鱻" .*not in the model's vocabulary/);
  });
});
