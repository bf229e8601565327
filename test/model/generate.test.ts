import { LineSet, Session, Vocab } from '../../lib';
import { classicPoem, generatePoems, streamPoem, type Writer } from '../../lib/model/generate';
import type { OptimizerConfig } from '../../lib/native/contract';

const TEXT = '床前明月光，疑是地上霜。举头望明月，低头思故乡。';
const optimizer: OptimizerConfig = { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };

/** A model without training: what it writes is noise, but the rules hold. */
async function writer(vocab: Vocab): Promise<Writer> {
  const model = { cell: 'gru', vocabSize: vocab.size, embedDim: 8, hiddenDim: 8, layers: 1 } as const;
  const rest = { dropout: 0, tieWeights: false, reluLogits: false, xavierOutput: false };
  const session = await Session.open({
    ...{ model: { ...model, ...rest }, optimizer, device: 'cpu', seed: 1n, threads: 1 },
  });
  return { vocab, session };
}

let modern: Writer;
let classic: Writer;
beforeAll(async () => {
  modern = await writer(Vocab.build([TEXT], { minCount: 1 }));
  classic = await writer(Vocab.classic([TEXT]));
});
afterAll(() => Promise.all([modern.session.dispose(), classic.session.dispose()]));

test('neither UNK nor begin is ever written, and the limit is kept', async () => {
  for (const who of [modern, classic]) {
    const poems = await generatePoems(who, { count: 200, temperature: 3, topP: 1, maxLength: 40, seed: 1 });
    for (const { text } of poems) {
      expect(text).not.toMatch(/[<>G]/);
      expect([...text].length).toBeLessThanOrEqual(40);
    }
  }
});

test('what the limit cut ends with its last whole sentence, where there is one', async () => {
  const poems = await generatePoems(modern, { count: 200, temperature: 3, topP: 1, maxLength: 40, seed: 2 });
  const cut = poems.filter(({ ended }) => !ended);
  expect(cut.length).toBeGreaterThan(0);
  for (const { text } of cut) if (text.includes('。')) expect(text.endsWith('。')).toBe(true);
  for (const { text, lines } of poems) expect(lines.join('')).toBe(text);
});

test('a poem begins with its prompt, whatever is cut', async () => {
  for (const prompt of ['明。月', '床前明月光，疑是地上霜。举头', '明'.repeat(100)]) {
    for (const maxLength of [[...prompt].length + 1, [...prompt].length + 9, undefined]) {
      const poems = await generatePoems(modern, { prompt, maxLength, count: 20, temperature: 3, seed: 1 });
      for (const { text } of poems) expect(text.startsWith(prompt)).toBe(true);
    }
  }
});

test('a seed repeats, another differs, none is drawn anew each time', async () => {
  const write = async (seed?: number) => (await generatePoems(modern, { prompt: '明', seed }))[0];
  expect(await write(3)).toEqual(await write(3));
  expect((await write(3))?.text).not.toBe((await write(4))?.text);
  const [a, b] = [await write(), await write()];
  expect(a?.seed).not.toBe(b?.seed);
  expect(await write(a?.seed)).toEqual(a);
});

test('of several drafts, one that has a line of the corpus is the last choice', async () => {
  const options = { prompt: '明', form: '4x5', bestOf: 8 } as const;
  for (const seed of [1, 2, 3]) {
    const [best] = await generatePoems(modern, { ...options, seed });
    const [other] = await generatePoems(
      { ...modern, lines: LineSet.of([best?.text ?? '']) },
      { ...options, seed },
    );
    expect(other?.text).not.toBe(best?.text);
    expect(await generatePoems({ ...modern, lines: LineSet.of([]) }, { ...options, seed })).toEqual([best]);
  }
});

test('options left undefined are as if left out', async () => {
  const explicit = { prompt: '明', seed: 3, temperature: undefined, count: undefined, maxLength: undefined };
  expect(await generatePoems(modern, explicit)).toEqual(
    await generatePoems(modern, { prompt: '明', seed: 3 }),
  );
});

test.each([
  [{ count: 0 }, 'EARG'],
  [{ count: 1.5 }, 'EARG'],
  [{ count: 5e9 }, 'EARG'],
  [{ seed: -1 }, 'EARG'],
  [{ temperature: -1 }, 'EARG'],
  [{ topP: 2 }, 'EARG'],
  [{ prompt: '明月', maxLength: 2 }, 'EARG'],
  [{ maxLength: Number.NaN }, 'EARG'],
  [{ prompt: '鱻' }, 'EVOCAB'],
  [{ signal: AbortSignal.abort() }, 'ECANCELED'],
])('%j is refused with %s', async (options, code) => {
  await expect(generatePoems(modern, options)).rejects.toMatchObject({ code });
});

test('an option that there is not, and a model that is none, are refused', async () => {
  await expect(generatePoems(modern, { promt: '明' } as never)).rejects.toMatchObject({
    code: 'EARG',
    message: expect.stringMatching(/there is no promt$/),
  });
  await expect(generatePoems(Promise.resolve(modern) as never)).rejects.toMatchObject({
    code: 'EARG',
    message: expect.stringMatching(/await missing/),
  });
  await expect(generatePoems(modern, { prompt: '明'.repeat(1001) })).rejects.toMatchObject({ code: 'EARG' });
});

test('the original program stops beyond 30 characters and prints pieces longer than 10', async () => {
  for (const begin of ['床', '床前明月光，疑是地上霜。举头望明月，低头思故乡。床前明月光，疑是地上霜。']) {
    const lines = await classicPoem(classic, begin);
    for (const line of lines) expect([...line].length).toBeGreaterThan(11);
    expect(lines.join('').length).toBeLessThanOrEqual(Math.max(31, begin.length + 1) + lines.length);
  }
  await expect(classicPoem(classic, '')).rejects.toMatchObject({ code: 'EARG' });
});

test('a poem comes character by character, as it comes as a whole', async () => {
  for (const seed of [1, 2, 3]) {
    const options = { prompt: '明月', temperature: 1, seed, maxLength: 60 };
    const [whole] = await generatePoems(modern, { ...options, bestOf: 1 });
    const chars: string[] = [];
    const stream = streamPoem(modern, options);
    let next = await stream.next();
    for (; !next.done; next = await stream.next()) chars.push(next.value);
    expect(next.value).toEqual(whole);
    expect(chars.every((char) => [...char].length === 1)).toBe(true);
    expect(chars.join('').startsWith(whole?.text ?? '-')).toBe(true);
  }
});

test('who leaves a stream ends the work, and an abort is told', async () => {
  for await (const char of streamPoem(modern, { prompt: '明', maxLength: 1_000_000, seed: 1 })) {
    if (char !== '明') break;
  }
  // The session is free again at once: a million characters would take a while.
  const started = performance.now();
  await generatePoems(modern, { seed: 1, maxLength: 20 });
  expect(performance.now() - started).toBeLessThan(2000);
  const aborted = streamPoem(modern, { signal: AbortSignal.abort() });
  await expect(aborted.next()).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(streamPoem(modern, { prompt: '鱻' }).next()).rejects.toMatchObject({ code: 'EVOCAB' });
});
