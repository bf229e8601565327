import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatasetOptions, loadDataset } from '../../lib/data/dataset';
import { loadPoems } from '../../lib/data/poems';
import { Vocab } from '../../lib/data/vocab';
import { AbortError } from '../../lib/util/errors';
import { Rng } from '../../lib/util/rng';
import golden from '../golden/seed.json';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tangshi-dataset-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(lines: readonly string[], options: Partial<DatasetOptions> = {}) {
  const data = join(folder, '诗.txt');
  writeFileSync(data, lines.join('\n'));
  return loadDataset({ data, format: 'lines', cleaning: 'modern', minCount: 1, heldOut: 0, ...options });
}
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });
/** Distinct poems of 6 to 16 characters. */
const poems = Array.from({ length: 2000 }, (_, index) => {
  const rng = Rng.of(index);
  const line = () => String.fromCodePoint(...Array.from({ length: 5 }, () => 0x5000 + rng.below(300)));
  return Array.from({ length: 1 + (index % 3) }, line)
    .join('，')
    .concat('。');
});

test.each(['titled', 'lines'] as const)(
  'classic, %s: same poems, order and vocabulary as the original program',
  async (format) => {
    const file = `seed-${format === 'titled' ? 'poems' : 'lines'}.txt`;
    const data = join(__dirname, '../golden', file);
    const dataset = await loadDataset({ data, format, cleaning: 'classic', minCount: 1, heldOut: 0 });
    expect(dataset.train.map((ids) => [...ids])).toEqual(golden[format].vectors);
    expect(dataset.vocab.toJSON().characters).toEqual(golden[format].words);
    expect(dataset.heldOut).toEqual([]);
    expect(dataset.name).toBe(file);
    expect(dataset.tokens).toBe(golden[format].vectors.flat().length);
  },
);

describe('titles', () => {
  const lines = [
    '静夜思二首 其一:床前明月光，疑是地上霜。',
    '句:春眠不觉晓，处处闻啼鸟。',
    '夜:床前明月光，疑是地上霜。',
  ];
  const withTitles = (titles: boolean, more: Partial<DatasetOptions> = {}) =>
    load(lines, { format: 'titled', titles, ...more });

  test('each poem has what can precede it: its title, if it has one, and its genre', async () => {
    const { vocab, train, trainPrefaces, heldOutPrefaces } = await withTitles(true);
    expect(train).toHaveLength(2);
    const texts = trainPrefaces?.map(({ title, genre }) => [vocab.decode(title), vocab.decode(genre)]);
    // Characters that no poem has are left out: here 静 and 思.
    expect(texts).toEqual([
      ['', '<五古>'],
      ['', '<五古>'],
    ]);
    expect(heldOutPrefaces).toEqual([]);
    const more = await load([...lines, '思:静夜春思长。静夜春思短。'], { format: 'titled', titles: true });
    expect(more.vocab.decode(more.trainPrefaces?.[0]?.title as Int32Array)).toBe('<title>静夜思');
  });

  test('the vocabulary has the control tokens that occur', async () => {
    const { vocab } = await withTitles(true);
    expect(vocab.toJSON().controls).toEqual(['title', '五古']);
    const untitled = await load(['床前明月光，疑是地上霜，举头望明月。'], { titles: true });
    expect(untitled.vocab.toJSON().controls).toEqual(['五古']);
    expect(untitled.trainPrefaces?.[0]?.title).toEqual(new Int32Array());
  });

  test('without titles, or with a vocabulary without control tokens, nothing precedes', async () => {
    const { vocab, trainPrefaces } = await withTitles(false);
    expect(vocab.control('title')).toBeUndefined();
    expect(trainPrefaces).toBeUndefined();
    expect((await withTitles(true, { vocab })).trainPrefaces).toBeUndefined();
    expect((await withTitles(true, { cleaning: 'plain' })).trainPrefaces).toBeUndefined();
  });

  test('the fingerprint depends on titles only where they are read', async () => {
    const other = lines.map((line) => line.replace('静夜思', '山居'));
    const of = async (texts: readonly string[], titles: boolean) =>
      (await load(texts, { format: 'titled', titles })).fingerprint;
    expect(await of(lines, false)).toBe(await of(other, false));
    expect(await of(lines, true)).not.toBe(await of(other, true));
  });
});

test('modern: poems in file order, with counts and the tokens per epoch', async () => {
  const dataset = await load(['床前明月光，疑是地上霜', '', '春眠不觉晓abc', '春眠不觉晓', '春眠不觉晓']);
  expect(dataset.train.map((ids) => dataset.vocab.decode(ids))).toEqual([
    '<s>床前明月光，疑是地上霜。</s>',
    '<s>春眠不觉晓</s>',
  ]);
  expect(dataset.tokens).toBe(13 + 6);
  expect(dataset.tally).toMatchObject({ read: 5, kept: 2, rejected: { blank: 1, latin: 1, duplicate: 1 } });
});

describe('held-out set', () => {
  const texts = (part: readonly Int32Array[], vocab: Vocab) =>
    part.map((ids) => vocab.decode(ids.subarray(1, -1))).sort();
  const vocab = Vocab.build(poems, { minCount: 1 });

  test('has about the requested share; no poem is lost or duplicated', async () => {
    const { train, heldOut } = await load(poems, { heldOut: 0.05 });
    expect(heldOut.length).toBeGreaterThan(60);
    expect(heldOut.length).toBeLessThan(140);
    expect(train.length + heldOut.length).toBe(2000);
    const whole = await load(poems, { heldOut: 0.05, vocab });
    expect([...texts(whole.train, vocab), ...texts(whole.heldOut, vocab)].sort()).toEqual([...poems].sort());
  });

  test('does not depend on order, punctuation or the other poems; a larger share only adds poems', async () => {
    const whole = texts((await load(poems, { heldOut: 0.05, vocab })).heldOut, vocab);
    const reversed = texts((await load(poems.toReversed(), { heldOut: 0.05, vocab })).heldOut, vocab);
    expect(reversed).toEqual(whole);
    const half = texts((await load(poems.slice(0, 1000), { heldOut: 0.05, vocab })).heldOut, vocab);
    expect(half).toEqual(whole.filter((text) => poems.indexOf(text) < 1000));
    const bare = (list: readonly string[]) => list.map((text) => text.replace(/[，。]/g, ''));
    const unmarked = texts((await load(bare(poems), { heldOut: 0.05, vocab })).heldOut, vocab);
    expect(unmarked).toEqual(bare(whole).sort());
    const more = texts((await load(poems, { heldOut: 0.2, vocab })).heldOut, vocab);
    expect(more).toEqual(expect.arrayContaining(whole));
  });

  test('modern: the vocabulary is built from the training set only', async () => {
    const lines = Array.from({ length: 200 }, (_, index) => String.fromCodePoint(0x5000 + index).repeat(5));
    const dataset = await load(lines, { heldOut: 0.5 });
    expect(dataset.vocab.size).toBe(3 + dataset.train.length);
    for (const ids of dataset.heldOut) expect([...ids]).toEqual([1, 0, 0, 0, 0, 0, 2]);
  });

  test('classic: the vocabulary is built from all poems', async () => {
    const dataset = await load(poems, { heldOut: 0.5, cleaning: 'classic' });
    expect(dataset.heldOut.length).toBeGreaterThan(0);
    expect(() => dataset.vocab.encode(poems.join('').replace(/[，。]/g, ''))).not.toThrow();
  });

  test.each([-0.1, 1, Number.NaN])('share %p is rejected', async (heldOut) => {
    await expect(load(poems, { heldOut })).rejects.toEqual(failure('ERR_TANGSHI_INVALID_ARG', /heldOut/));
  });

  test('may not contain every poem', async () => {
    await expect(load(['床前明月光'], { heldOut: 0.999999999999 })).rejects.toEqual(
      failure('ERR_TANGSHI_CORPUS', /Every poem of 诗\.txt is held out/),
    );
  });
});

test('the fingerprint depends on the poems, their order and the cleaning rules', async () => {
  const [one, two] = ['床前明月光', '春眠不觉晓'];
  const fingerprints = await Promise.all(
    [
      await load([one as string, two as string]),
      await load([two as string, one as string]),
      await load([one as string]),
      await load([one as string, two as string], { cleaning: 'classic' }),
    ].map(({ fingerprint }) => fingerprint),
  );
  expect(new Set(fingerprints).size).toBe(4);
  expect(fingerprints[0]).toMatch(/^[0-9a-f]{64}$/);
  expect((await load([`${one} `, '', '好', two as string], { heldOut: 0.4, minCount: 2 })).fingerprint).toBe(
    fingerprints[0],
  );
});

test('a given vocabulary is used unchanged', async () => {
  const vocab = Vocab.build(['床前明月'], { minCount: 1 });
  const dataset = await load(['床前明月光'], { vocab });
  expect(dataset.vocab).toBe(vocab);
  expect([...(dataset.train[0] as Int32Array)]).toEqual([1, 3, 4, 5, 6, 0, 2]);
});

test('poems with characters missing from a given classic vocabulary are left out and counted', async () => {
  const classic = Vocab.classic(['床前明月光']);
  const { train, tally } = await load(['床前明月光', '床前明月霜'], { vocab: classic });
  expect(train).toHaveLength(1);
  expect(tally).toMatchObject({ read: 2, kept: 1, rejected: { vocabulary: 1 } });
  await expect(load(['床前明月霜'], { vocab: classic })).rejects.toEqual(
    failure('ERR_TANGSHI_CORPUS', /outside the vocabulary of the model/),
  );
});

describe('extra corpora', () => {
  const [first, second, third] = [
    '床前明月光，疑是地上霜。',
    '白日依山尽，黄河入海流。',
    '春眠不觉晓，处处闻啼鸟。',
  ];
  const file = (name: string, lines: readonly string[]) => {
    const path = join(folder, name);
    writeFileSync(path, lines.join('\n'));
    return path;
  };

  test('are added to the training set, each poem once, and never held out', async () => {
    const extra = [file('a', [first as string, second as string]), file('b', poems)];
    const dataset = await load([first as string], { extra });
    expect(dataset.train).toHaveLength(2 + poems.length);
    expect(dataset.tally).toMatchObject({ read: 3 + poems.length, rejected: { duplicate: 1 } });
    const { heldOut, train } = await load(poems.slice(0, 200), { extra: [extra[0] as string], heldOut: 0.1 });
    expect(train.length + heldOut.length).toBe(202);
    expect((await load([first as string])).fingerprint).not.toBe(dataset.fingerprint);
  });

  test('poems that share a line with a held-out poem are left out and counted', async () => {
    const { heldOut, vocab } = await load(poems, {
      heldOut: 0.05,
      vocab: Vocab.build(poems, { minCount: 1 }),
    });
    const held = vocab.decode((heldOut[0] as Int32Array).subarray(1, -1));
    const line = held.slice(0, 5);
    const other = [`${line}，${third}`, `${held.replaceAll('，', '。')}`, third as string];
    const dataset = await load(poems, { heldOut: 0.05, extra: [file('c', other)] });
    expect(dataset.heldOut).toHaveLength(heldOut.length);
    expect(dataset.tally.rejected['held-out']).toBeGreaterThanOrEqual(1);
    const { read, kept, rejected } = dataset.tally;
    expect(kept).toBe(dataset.train.length + dataset.heldOut.length);
    expect(read).toBe(kept + Object.values(rejected).reduce((sum, count) => sum + count, 0));
    const lines = dataset.train.map((ids) => dataset.vocab.decode(ids));
    expect(lines.filter((text) => text.includes(line))).toEqual([]);
  });

  test('an extra corpus without new poems changes nothing; one without any poems is an error', async () => {
    const { train } = await load([first as string], { extra: [file('d', [first as string])] });
    expect(train).toHaveLength(1);
    await expect(load([first as string, 'abc'], { extra: [file('e', ['12345'])] })).rejects.toEqual(
      failure('ERR_TANGSHI_CORPUS', /No poem of .*e passes the cleaning \(latin 1\)/),
    );
  });

  test('a missing extra corpus is an error that names it', async () => {
    await expect(load([first as string], { extra: [join(folder, 'nowhere')] })).rejects.toEqual(
      failure('ERR_TANGSHI_CORPUS', /nowhere/),
    );
  });
});

describe('no poems to learn from', () => {
  test('the error lists the reasons, most frequent first', async () => {
    await expect(load(['hello', 'hi', '', '大虫来。'])).rejects.toEqual(
      failure(
        'ERR_TANGSHI_CORPUS',
        /No poem of .*诗\.txt passes .*\(latin 2, blank 1, too-short 1\).*format/,
      ),
    );
  });

  test('a file in another encoding', async () => {
    const data = join(folder, 'gbk.txt');
    writeFileSync(data, Uint8Array.of(0xb4, 0xb2, 0xc7, 0xb0, 0xc3, 0xf7, 0xd4, 0xc2, 0xb9, 0xe2));
    await expect(loadDataset({ data, cleaning: 'modern', minCount: 1, heldOut: 0 })).rejects.toEqual(
      failure('ERR_TANGSHI_CORPUS', /gbk\.txt is not UTF-8: .* gb18030/),
    );
  });

  test('an empty file, JSON without poems', async () => {
    await expect(load([])).rejects.toEqual(
      failure('ERR_TANGSHI_CORPUS', /empty, or JSON without "paragraphs"/),
    );
    await expect(load(['[{}]'], { format: 'json' })).rejects.toEqual(
      failure('ERR_TANGSHI_CORPUS', /"paragraphs"/),
    );
  });
});

test('abort', async () => {
  await expect(load(poems, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AbortError);
});

test('a text of an extra corpus that is held out is not trained on, in any language', async () => {
  const lines = Array.from({ length: 100 }, (_, i) => `line number ${i} of a text`);
  const file = join(folder, 'english.txt');
  writeFileSync(file, lines.join('\n'));
  const options = { data: file, extra: [file], cleaning: 'plain', heldOut: 0.2 } as const;
  const { train, heldOut, tally } = await loadPoems(options);
  expect(heldOut.length).toBeGreaterThan(5);
  expect(train.filter((text) => heldOut.includes(text))).toEqual([]);
  expect(tally.rejected['held-out']).toBe(heldOut.length);
});
