import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { builtinCorpusPath, builtinFiles, isAvailable } from '../../lib/data/builtin-corpora';
import { isBuiltinCorpus } from '../../lib/data/corpus-recipes';
import { findPackage, requireSource } from '../../lib/data/corpus-source';
import { type Dataset, loadDataset } from '../../lib/data/dataset';
import { detectFormat } from '../../lib/data/detect-format';
import { loadPoems } from '../../lib/data/poems';
import { standardForms } from '../../lib/data/standard-forms';
import { scriptConverter } from '../../lib/util/script-conversion';

const failure = (message: RegExp) =>
  expect.objectContaining({ code: 'ERR_TANGSHI_CORPUS', message: expect.stringMatching(message) });
let folder: string;
let cacheDir: string;
beforeAll(() => {
  folder = mkdtempSync(join(os.tmpdir(), 'tangshi-builtin-'));
  cacheDir = join(folder, 'cache', 'corpora');
});
afterAll(() => rmSync(folder, { recursive: true }));

const load = (data: string, cleaning: 'classic' | 'modern'): Promise<Dataset> =>
  loadDataset({ data, cleaning, minCount: 1, heldOut: 0, cacheDir });

describe('poems', () => {
  test('is built without blocking the event loop', async () => {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const path = await builtinCorpusPath('poems', { cacheDir });
    delay.disable();
    expect(path).toMatch(/poems-3-chinese-poetry-2\.0\.1-opencc-js-\d+\.\d+\.\d+\.txt$/);
    expect(delay.max / 1e6).toBeLessThan(250);
  });

  test('has the format of the original corpus: title:content, one poem per line, simplified', async () => {
    const text = readFileSync(await builtinCorpusPath('poems', { cacheDir }), 'utf8');
    const lines = text.split('\n');
    expect(lines.pop()).toBe('');
    expect(lines).toHaveLength(43_059);
    expect(lines.filter((line) => line.split(':').length !== 2)).toEqual([]);
    expect(text).not.toMatch(/[\r風雲馬]/);
    expect(lines[0]).toMatch(/^帝京篇十首:秦川雄帝宅，函谷壮皇居。绮殿千寻起，/);
    expect(detectFormat(text.slice(0, 60_000), 'a.txt')).toBe('titled');
  });

  test('restores lines that its source has lost', async () => {
    const lines = readFileSync(await builtinCorpusPath('poems', { cacheDir }), 'utf8').split('\n');
    expect(lines).toContain(
      '登高:风急天高猿啸哀，渚清沙白鸟飞回。无边落木萧萧下，不尽长江衮衮来。万里悲秋常作客，百年多病独登台。' +
        '艰难苦恨繁霜鬓，潦倒新停浊酒杯。',
    );
    const odd = lines.filter((line) => /:([^，。]{7}[，。]){5}$/u.test(line));
    expect(odd).toHaveLength(5); // genuine five-line poems; the source has 7,000
  });

  test('has one form of each character, and keeps 乾 where it is read qián', async () => {
    const text = readFileSync(await builtinCorpusPath('poems', { cacheDir }), 'utf8');
    expect(text).not.toMatch(/[鴈隣鏁髪廻堦煖嬾讐栢壻疎簷慙劒]/);
    expect(text).toMatch(/乾坤/);
    expect(text).toMatch(/乾德/);
    expect(text).not.toMatch(/泪乾|未乾|干符|干封/);
  });

  test('holds out the same poems as before its variant characters were replaced', async () => {
    const options = { data: 'poems', cleaning: 'modern', heldOut: 0.05, cacheDir } as const;
    const { heldOut, train } = await loadPoems(options);
    const before = readFileSync((await builtinFiles('poems', { cacheDir })).variants, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as [number, string])[1]);
    expect(before.length).toBeGreaterThan(2000);
    const file = join(folder, 'before.txt');
    writeFileSync(file, before.join('\n'));
    const old = await loadPoems({ ...options, data: file, format: 'titled' });
    const plain = (poem: string) => standardForms(poem).replaceAll('乾', '干');
    const now = { heldOut: new Set(heldOut.map(plain)), train: new Set(train.map(plain)) };
    expect(old.heldOut.length).toBeGreaterThan(100);
    expect(old.heldOut.map(plain).filter((poem) => now.train.has(poem))).toEqual([]);
    expect(old.train.map(plain).filter((poem) => now.heldOut.has(poem))).toEqual([]);
  });

  test("passes the original program's filter: 35,595 poems, 6,212 characters", async () => {
    const { train, vocab, tally } = await load('poems', 'classic');
    expect(train).toHaveLength(35_595);
    expect(vocab.size).toBe(6212 + 2); // plus a space and one unused class
    expect(tally.rejected).toMatchObject({
      format: 0,
      'skip-character': 213,
      'too-short': 1,
      'too-long': 7250,
    });
  });

  test('in modern, only damaged poems and duplicates are rejected', async () => {
    const { train, vocab, tally } = await load('poems', 'modern');
    expect(train.length).toBeGreaterThan(34_000);
    expect(tally.rejected).toMatchObject({ format: 0, blank: 0, unfinished: 0 });
    expect(
      vocab.toJSON().characters.filter((char) => !/[\p{Unified_Ideograph}，。？！；：、]/u.test(char)),
    ).toEqual([]);
  });
});

describe('the larger corpora', () => {
  test.each([
    ['quantangshi', 57_607],
    ['quansongshi', 254_248],
    ['songci', 20_544],
  ] as const)('%s: title:content, one poem per line, simplified', async (name, poems) => {
    const lines = readFileSync(await builtinCorpusPath(name, { cacheDir }), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(poems);
    expect(lines.filter((line) => line.split(':').length !== 2)).toEqual([]);
    expect(lines.filter((line) => /[\r風雲國]/.test(line))).toEqual([]);
  });
});

describe('songci', () => {
  const lines = async () =>
    readFileSync(await builtinCorpusPath('songci', { cacheDir }), 'utf8')
      .trimEnd()
      .split('\n');

  test('has the name of the tune as the title, without the name that the author gave it', async () => {
    const titles = (await lines()).map((line) => line.split(':')[0] as string);
    expect(titles.filter((title) => /[・:]|^$/.test(title))).toEqual([]);
    expect(titles.filter((title) => title === '水调歌头').length).toBeGreaterThan(700);
    expect(titles).not.toContain('酹江月');
    expect(await lines()).toContain(
      '如梦令:昨夜雨疏风骤。浓睡不消残酒。试问卷帘人，却道海棠依旧。知否。知否。应是绿肥红瘦。',
    );
  });

  test('marks lost text as lost, repairs wrong characters, and has no fragments', async () => {
    const text = (await lines()).join('\n');
    expect(text).not.toMatch(/缺词文|下缺|上缺|[﹀︽𧣴]/u);
    expect(text).toContain('水调歌头:红树迎风舞，彷佛采衣褰。云容应为，虞侍分付□。');
    expect(text).toContain('雨僝人僽。');
    const lengths = (await lines()).map(
      (line) => (line.split(':')[1] ?? '').match(/[\p{Script=Han}□]/gu)?.length,
    );
    expect(Math.min(...lengths.map((length) => length ?? 0))).toBe(16);
  });

  test('keeps poems of more than 80 characters in modern, not in classic, nor as a file', async () => {
    const options = { data: 'songci', heldOut: 0, cacheDir } as const;
    const { train, tally } = await loadPoems({ ...options, cleaning: 'modern' });
    expect(tally).toMatchObject({ read: 20_544, kept: 19_541 });
    expect(tally.rejected).toMatchObject({ format: 0, blank: 0, note: 0, unfinished: 0, 'too-long': 3 });
    expect(train.filter((poem) => [...poem].length > 80)).toHaveLength(7591);
    expect(train.some((poem) => poem.startsWith('明月几时有，把酒问青天。'))).toBe(true);
    const longest = async (more: Partial<Parameters<typeof loadPoems>[0]>) => {
      const poems = await loadPoems({ ...options, cleaning: 'modern', ...more });
      return Math.max(...poems.train.map((poem) => [...poem].length));
    };
    expect(await longest({})).toBe(296);
    expect(await longest({ cleaning: 'classic' })).toBe(80);
    expect(await longest({ data: await builtinCorpusPath('songci', { cacheDir }) })).toBe(80);
  });

  test('keeps its own limit as an extra corpus', async () => {
    const options = { data: ['床前明月光。'], heldOut: 0, cleaning: 'modern', cacheDir } as const;
    const { train } = await loadPoems({ ...options, extra: ['tangshi', 'songci'] });
    expect(train.filter((poem) => [...poem].length > 80)).toHaveLength(7591);
  });
});

describe('tangshi', () => {
  test('is one untitled poem per line, without notes', async () => {
    const text = readFileSync(await builtinCorpusPath('tangshi', { cacheDir }), 'utf8');
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(320);
    expect(lines).toContain('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。');
    expect(text).not.toMatch(/[()（）:\r]/);
    expect(detectFormat(text, 'a.txt')).toBe('lines');
  });

  test.each(['classic', 'modern'] as const)('provides poems in %s script', async (cleaning) => {
    const { name, train } = await load('tangshi', cleaning);
    expect(name).toBe('tangshi');
    expect(train.length).toBeGreaterThan(260);
  });
});

describe('the cache', () => {
  test('is used: the second call reads nothing and writes nothing', async () => {
    const path = await builtinCorpusPath('tangshi', { cacheDir });
    const before = statSync(path);
    expect(await builtinCorpusPath('tangshi', { cacheDir })).toBe(path);
    expect(statSync(path)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  test('concurrent builds leave one complete file and nothing else', async () => {
    const shared = join(folder, 'shared');
    const paths = await Promise.all(
      Array.from({ length: 8 }, () => builtinCorpusPath('tangshi', { cacheDir: shared })),
    );
    expect(new Set(paths).size).toBe(1);
    expect(readdirSync(shared)).toEqual([
      expect.stringMatching(/\.txt$/),
      expect.stringMatching(/\.variants\.jsonl$/),
    ]);
    expect(readFileSync(paths[0] as string, 'utf8').split('\n')).toHaveLength(321);
  });

  describe('by default', () => {
    const { XDG_CACHE_HOME: before } = process.env;
    /** Puts the source of the corpora into a cache. */
    const linkSource = (cache: string) => {
      const source = requireSource().folder;
      const own = join(cache, 'tangshi/chinese-poetry-2.0.1/node_modules');
      mkdirSync(own, { recursive: true });
      symlinkSync(source, join(own, 'chinese-poetry'));
    };
    beforeAll(() => {
      for (const cache of ['xdg', 'home/.cache', 'full']) linkSource(join(folder, cache));
    });
    beforeEach(() => {
      jest.spyOn(os, 'homedir').mockReturnValue(join(folder, 'home'));
      jest.spyOn(os, 'tmpdir').mockReturnValue(join(folder, 'tmp'));
    });
    afterEach(() => {
      jest.restoreAllMocks();
      if (before === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = before;
    });

    test('is under XDG_CACHE_HOME', async () => {
      process.env.XDG_CACHE_HOME = join(folder, 'xdg');
      expect(dirname(await builtinCorpusPath('tangshi'))).toBe(join(folder, 'xdg/tangshi/corpora'));
    });

    test('is in the home folder if XDG_CACHE_HOME is relative', async () => {
      process.env.XDG_CACHE_HOME = 'relative';
      expect(dirname(await builtinCorpusPath('tangshi'))).toBe(join(folder, 'home/.cache/tangshi/corpora'));
    });

    test('is a private temporary folder if that is not writable', async () => {
      process.env.XDG_CACHE_HOME = join(folder, 'full');
      writeFileSync(join(folder, 'full/tangshi/corpora'), 'a file, not a folder');
      const path = await builtinCorpusPath('tangshi');
      expect(dirname(dirname(path))).toBe(join(folder, 'tmp'));
      expect(statSync(dirname(path)).mode & 0o077).toBe(0);
      const before = statSync(path);
      expect(await builtinCorpusPath('tangshi')).toBe(path);
      expect(statSync(path).ino).toBe(before.ino);
    });
  });

  test('is named in the error if it was given and is not writable', async () => {
    const unusable = join(folder, 'a-file', 'corpora');
    writeFileSync(join(folder, 'a-file'), '');
    await expect(builtinCorpusPath('tangshi', { cacheDir: unusable })).rejects.toEqual(
      failure(/a-file\/corpora .*XDG_CACHE_HOME/),
    );
  });

  test('holds nothing after a failed write', async () => {
    const blocked = join(folder, 'blocked');
    const name = (await builtinCorpusPath('tangshi', { cacheDir })).slice(cacheDir.length + 1);
    mkdirSync(join(blocked, name), { recursive: true }); // rename cannot replace a folder
    await expect(builtinCorpusPath('tangshi', { cacheDir: blocked })).rejects.toEqual(failure(/EISDIR/));
    expect(readdirSync(blocked).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });
});

describe('an abort during a build', () => {
  test.each([0, 300])('after %i ms takes effect at once, and nothing is written', async (milliseconds) => {
    const empty = join(folder, `aborted-${milliseconds}`);
    const made = builtinCorpusPath('poems', {
      cacheDir: empty,
      signal: AbortSignal.timeout(milliseconds),
    });
    const started = performance.now();
    await expect(made).rejects.toMatchObject({ name: 'AbortError' });
    expect(performance.now() - started).toBeLessThan(milliseconds + 500);
    expect(existsSync(empty)).toBe(false);
  });

  test('is passed on by loadDataset', async () => {
    const empty = join(folder, 'aborted-dataset');
    const options = { data: 'poems', cleaning: 'modern', minCount: 1, heldOut: 0, cacheDir: empty } as const;
    const signal = AbortSignal.timeout(100);
    await expect(loadDataset({ ...options, signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(empty)).toBe(false);
  });
});

describe('without the package chinese-poetry', () => {
  const { XDG_CACHE_HOME } = process.env;
  let empty: string;
  beforeAll(() => {
    empty = join(folder, 'empty-cache');
    process.env.XDG_CACHE_HOME = empty;
  });
  afterAll(() => {
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
  });

  test('the error says what to install', async () => {
    expect(await isAvailable('songci')).toBe(false);
    await expect(builtinCorpusPath('songci')).rejects.toMatchObject({
      code: 'ERR_TANGSHI_CORPUS',
      message: expect.stringMatching(/run npm install chinese-poetry$/),
    });
  });

  test('a corpus that was built before is still there', async () => {
    const file = 'songci-3-chinese-poetry-2.0.1-opencc-js-';
    const version = findPackage('opencc-js/t2cn', 'opencc-js')?.version;
    const cache = join(empty, 'tangshi/corpora');
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, `${file}${version}.txt`), '如梦令:昨夜雨疏风骤\n');
    writeFileSync(join(cache, `${file}${version}.variants.jsonl`), '\n');
    expect(await isAvailable('songci')).toBe(true);
    expect(await builtinCorpusPath('songci')).toBe(join(cache, `${file}${version}.txt`));
  });
});

test('corpora of other versions are removed once they are old', async () => {
  const cacheDir = join(folder, 'outdated');
  mkdirSync(cacheDir);
  const files = ['poems-2-chinese-poetry-1.txt', 'tangshi-2-chinese-poetry-1.txt', 'mine.txt'];
  for (const file of files) writeFileSync(join(cacheDir, file), 'x');
  const old = new Date(Date.now() - 100 * 86_400_000);
  for (const file of ['poems-2-chinese-poetry-1.txt', 'mine.txt']) utimesSync(join(cacheDir, file), old, old);
  await builtinCorpusPath('tangshi', { cacheDir });
  const left = readdirSync(cacheDir);
  expect(left).toEqual(expect.arrayContaining(['mine.txt', 'tangshi-2-chinese-poetry-1.txt']));
  expect(left).not.toContain('poems-2-chinese-poetry-1.txt');
});

test('names', () => {
  expect(['poems', 'tangshi', './poems', 'POEMS', 'toString'].map(isBuiltinCorpus)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('scripts', () => {
  expect(scriptConverter('to-simplified')('雲山𠀀，')).toBe('云山𠀀，');
  expect(scriptConverter('to-traditional')('云山')).toBe('雲山');
});
