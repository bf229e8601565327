import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluate, loadDataset, Model, readCheckpoint, wholePreface } from '../../lib';
import { smallConfig } from '../../scripts/dev/torture/torture';
import { events, inFolder } from './corpus';

/** The second line depends on the title alone. */
const POEMS = {
  湖: '白日依山尽，黄河入海流。',
  楼: '白日依山尽，更上一层楼。',
  鸟: '白日依山尽，处处闻啼鸟。',
  霜: '白日依山尽，疑是地上霜。',
};
const SEEN = '湖鸟楼霜：湖鸟楼霜湖鸟楼霜。'; // so that the titles' characters are known

/** A model that has learned four poems with the same beginning. */
async function learned(folder: string, titles: boolean): Promise<Model> {
  const data = join(folder, `titled-${titles}.txt`);
  const lines = Object.entries(POEMS).map(([title, poem]) => `${title}其一:${poem}`);
  await writeFile(data, [...lines, `句:${SEEN}`].join('\n'));
  const out = join(folder, `run-${titles}`);
  const sizes = { hiddenDim: 64, dropout: 0, batch: 5, epochs: 150, lr: 0.01, heldOut: 0 };
  await events({ config: { ...smallConfig(data, 1), ...sizes, minCount: 1, titles }, out });
  return Model.load(out);
}

test('a title decides what the poem is about', () =>
  inFolder(async (folder) => {
    await using model = await learned(folder, true);
    for (const [title, text] of Object.entries(POEMS)) {
      const poem = await model.generate({ title: `${title}（其二）`, prompt: '白日', temperature: 0 });
      expect(poem.text).toBe(text);
      const inForm = await model.generate({ title, form: '2x5', prompt: '白日', temperature: 0, bestOf: 1 });
      expect(inForm.text).toBe(text);
      const given = await model.score(text, { title });
      expect(given.chars.map(({ char }) => char).join('')).toBe(text);
      expect(given.nll).toBeLessThan(0.1);
      expect((await model.score(text)).nll).toBeGreaterThan(given.nll + 0.05);
      let streamed = '';
      for await (const char of model.stream({ title, prompt: '白日', temperature: 0 })) streamed += char;
      expect(streamed).toBe(text);
    }
    const { trainPrefaces, train } = await loadDataset({ ...model.config, vocab: model.vocab });
    const prefaces = trainPrefaces?.map(wholePreface);
    const [alone, titled] = [await evaluate(model, train), await evaluate(model, train, { prefaces })];
    expect(titled.tokens).toBe(alone.tokens);
    expect(titled.nll).toBeLessThan(alone.nll - 0.05);
    await expect(evaluate(model, train, { prefaces: [] })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: expect.stringContaining('a preface for each poem'),
    });
  }));

test('a theme becomes a title', () =>
  inFolder(async (folder) => {
    await using model = await learned(folder, true);
    const poem = await model
      .generate({ theme: '湖 边', prompt: '白日', temperature: 0 })
      .catch((error) => error);
    expect(poem).toMatchObject({ code: 'ERR_TANGSHI_VOCAB', option: 'theme' }); // the model does not know 边
    const about = await model.generate({ theme: '小鸟', prompt: '白日', temperature: 0 });
    expect(about).toMatchObject({ title: '鸟', text: POEMS.鸟 });
    for (const [theme, reason] of [
      ['Lake', 'No poet wrote about "Lake": choose other words'],
      ['二首', 'No poet wrote about "二首": choose other words'],
    ] as const)
      await expect(model.generate({ theme })).rejects.toMatchObject({ message: reason, option: 'theme' });
    await expect(model.generate({ theme: '鸟', title: '鸟' })).rejects.toMatchObject({
      message: 'theme has no effect with title: omit one of them',
      option: 'theme',
    });
  }));

test('a title that cannot be used is refused', () =>
  inFolder(async (folder) => {
    await using model = await learned(folder, true);
    const refused = (title: string) => model.generate({ title });
    await expect(refused('Lake')).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: '"Lake" does not say what the poem is about: choose another title',
      option: 'title',
    });
    await expect(refused('二首')).rejects.toMatchObject({ code: 'ERR_TANGSHI_INVALID_ARG', option: 'title' });
    await expect(refused('鱻')).rejects.toMatchObject({ code: 'ERR_TANGSHI_VOCAB', option: 'title' });
    await expect(refused('湖'.repeat(1001))).rejects.toMatchObject({ code: 'ERR_TANGSHI_INVALID_ARG' });
    await using plain = await learned(folder, false);
    const refusal = (option: string) => ({
      code: 'ERR_TANGSHI_INVALID_ARG',
      message: `This model was trained without titles: omit ${option}, or use one trained with titles`,
      option,
    });
    for (const call of [plain.generate({ title: '湖' }), plain.score('白日', { title: '湖' })])
      await expect(call).rejects.toMatchObject(refusal('title'));
    await expect(plain.generate({ theme: '中秋' })).rejects.toMatchObject(refusal('theme'));
  }));

test('a run that learns titles and was stopped is bitwise identical to an unbroken one', () =>
  inFolder(async (folder, data) => {
    const lines = (await readFile(data, 'utf8')).replace(/^诗(\d)/gm, (_, i) => `${'春日山月'[i % 4]}${i}`);
    await writeFile(data, lines);
    const config = { ...smallConfig(data, 4), titles: true };
    const [whole, out] = [join(folder, 'whole'), join(folder, 'run')];
    await events({ config, out: whole });
    for (const maxSteps of [2, 5, 100]) await events({ config, out, resume: maxSteps > 2, maxSteps });
    const [a, b] = await Promise.all(
      [whole, out].map((run) => readCheckpoint(join(run, 'last.safetensors'))),
    );
    for (const [name, { data: bytes }] of Object.entries(a?.tensors ?? {}))
      expect([name, Buffer.compare(bytes, b?.tensors[name]?.data ?? new Uint8Array())]).toEqual([name, 0]);
    expect(b?.vocab.toJSON().controls).toContain('title');
  }));

test('weights whose vocabulary has no control tokens cannot learn titles', () =>
  inFolder(async (folder, data) => {
    const [first, out] = [join(folder, 'first'), join(folder, 'run')];
    await events({ config: smallConfig(data, 1), out: first, maxSteps: 1 });
    const init = join(first, 'last.safetensors');
    const [plan] = await events({
      config: { ...smallConfig(data, 1), titles: true },
      out,
      init,
      maxSteps: 1,
    });
    expect(plan).toMatchObject({ notices: [expect.stringMatching(/^titles are not learned: /)] });
    expect((await readCheckpoint(join(out, 'last.safetensors'))).config.titles).toBe(false);
  }));

test('training reports the held-out NLL with titles, too', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const all = await events({ config: { ...smallConfig(data, 1), heldOut: 0.5, titles: true }, out });
    expect(all.find(({ type }) => type === 'epoch')).toMatchObject({
      heldOut: { nll: expect.any(Number) },
      heldOutWithTitles: { nll: expect.any(Number) },
    });
  }));
