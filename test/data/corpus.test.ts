import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type CorpusRecord, type ReadOptions, readCorpus } from '../../lib/data/corpus';
import { detectFormat } from '../../lib/data/detect-format';
import { MAX_LINE } from '../../lib/data/line-splitter';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tangshi-corpus-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function read(content: string | Uint8Array, options: ReadOptions = {}): Promise<CorpusRecord[]> {
  const path = join(folder, 'corpus');
  writeFileSync(path, content);
  return collect(readCorpus(path, options));
}
async function collect(records: AsyncIterable<CorpusRecord>): Promise<CorpusRecord[]> {
  const all: CorpusRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}
const texts = (records: readonly CorpusRecord[]) => records.map(({ text }) => text);
const failure = (message: RegExp) =>
  expect.objectContaining({ code: 'ERR_TANGSHI_CORPUS', message: expect.stringMatching(message) });

describe('lines', () => {
  const lines = { format: 'lines' } as const;

  test('universal newlines, numbered from 1, unmodified', async () => {
    expect(await read('一\n二\r\n\r三\r\r\n 四 \n', lines)).toEqual([
      { format: 'lines', text: '一', line: 1 },
      { format: 'lines', text: '二', line: 2 },
      { format: 'lines', text: '', line: 3 },
      { format: 'lines', text: '三', line: 4 },
      { format: 'lines', text: '', line: 5 },
      { format: 'lines', text: ' 四 ', line: 6 },
    ]);
    expect(texts(await read('一\r', lines))).toEqual(['一']);
    expect(texts(await read('末行', lines))).toEqual(['末行']);
    expect(await read('', lines)).toEqual([]);
  });

  test('a BOM is kept, as in Python; other Unicode separators do not end a line', async () => {
    expect(texts(await read('\ufeff一\u2028二\x85三\x0b四\x1c五', lines))).toEqual([
      '\ufeff一\u2028二\x85三\x0b四\x1c五',
    ]);
  });

  test('characters and line ends across chunk boundaries', async () => {
    const content = `x${'床前明月光\r\n'.repeat(20_000)}`; // 340 kB: no chunk boundary coincides with a character boundary
    const records = await read(content, lines);
    expect(records).toHaveLength(20_000);
    expect(new Set(texts(records.slice(1)))).toEqual(new Set(['床前明月光']));
    for (const shift of [65_534, 65_535, 65_536]) {
      expect(texts(await read(`${'a'.repeat(shift)}\r\nb`, lines))).toEqual(['a'.repeat(shift), 'b']);
    }
  });

  test('any text is split as in Python', async () => {
    const piece = fc.constantFrom('\r', '\n', '\r\n', '诗', '𠀀', 'a', ' ');
    await fc.assert(
      fc.asyncProperty(fc.array(piece), async (pieces) => {
        const content = pieces.join('');
        const expected = content.replace(/\r\n?/g, '\n').split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(texts(await read(content, lines))).toEqual(expected);
      }),
    );
  });

  test('invalid UTF-8 becomes U+FFFD', async () => {
    const bytes = [0xe5, 0xba, 0x0a, 0xff, 0x0a, 0x00, 0x0a, 0xf0, 0x9f];
    expect(
      texts(await read(Buffer.concat([Buffer.from('一\n二\n三\n四\n'), Buffer.from(bytes)]), lines)),
    ).toEqual(['一', '二', '三', '四', '\ufffd', '\ufffd', '\0', '\ufffd']);
  });

  test('a line beyond 1 Mi characters is marked and dropped; reading continues with the next', async () => {
    const records = await read(
      `${'a'.repeat(MAX_LINE)}\n${'b'.repeat(3 * MAX_LINE)}\n好\n${'c'.repeat(MAX_LINE + 1)}`,
      lines,
    );
    expect(records.map(({ text, fault }) => fault ?? text.length)).toEqual([
      MAX_LINE,
      'too-long',
      1,
      'too-long',
    ]);
    expect(records[1]).toEqual({ format: 'lines', text: '', line: 2, fault: 'too-long' });
  });
});

describe('JSON', () => {
  test('poems at any depth, in order; other objects are skipped', async () => {
    const poem = (text: string) => ({ title: '题', paragraphs: [text, '。'] });
    const records = await read(
      JSON.stringify({
        title: '集',
        content: [{ type: '五绝', content: [poem('一'), poem('二')] }, 3, null, poem('三')],
      }),
    );
    expect(records).toEqual([
      { format: 'json', text: '一。', line: 1 },
      { format: 'json', text: '二。', line: 2 },
      { format: 'json', text: '三。', line: 3 },
    ]);
  });

  test('paragraphs of the wrong type are marked', async () => {
    expect(await read('\ufeff[{"paragraphs": {}}, {"paragraphs": [1]}, {"paragraphs": []}]')).toEqual([
      { format: 'json', text: '', line: 1, fault: 'format' },
      { format: 'json', text: '', line: 2, fault: 'format' },
      { format: 'json', text: '', line: 3 },
    ]);
  });

  test('the text may be under other keys, and may be a single string', async () => {
    const text = '空山不见人，但闻人语响。';
    const objects = [
      { title: '鹿柴', paragraphs: text },
      { content: [text], author: '王维' },
      { content: '空山不见人|但闻人语响|返景入深林|复照青苔上' },
      { 内容: text, 标题: '鹿柴', lines: 2 },
      { text: '空山不见人，\n但闻人语响。' },
    ];
    expect(texts(await read(JSON.stringify(objects)))).toEqual([
      text,
      text,
      '空山不见人，但闻人语响。返景入深林，复照青苔上。',
      text,
      text,
    ]);
    const wrapper = { title: '集', text: '此集，有诗。', poems: [{ text: '赏析，好。', lines: [text] }] };
    expect(texts(await read(JSON.stringify(wrapper)))).toEqual([text]);
    expect(texts(await read(JSON.stringify([text, text])))).toEqual([text, text]);
  });

  test('more than 400 MiB is rejected before it is held in memory, also from a pipe', async () => {
    const pipe = join(folder, 'large-pipe');
    execFileSync('mkfifo', [pipe]);
    const writer = spawn('sh', [
      '-c',
      `(echo '["'; exec head -c 500000000 /dev/zero | tr '\\0' a) > "$0"`,
      pipe,
    ]);
    await expect(collect(readCorpus(pipe, { format: 'json' }))).rejects.toEqual(failure(/more than 400 MiB/));
    writer.kill();
  });

  test('nesting depth is unlimited', async () => {
    const depth = 100_000;
    expect(texts(await read(`${'['.repeat(depth)}{"paragraphs":["深"]}${']'.repeat(depth)}`))).toEqual([
      '深',
    ]);
  });

  test('longer than the chunk used to detect the format', async () => {
    const poems = Array.from({ length: 5000 }, (_, index) => ({ paragraphs: [`第${index}首诗`] }));
    const records = await read(JSON.stringify(poems, null, 2));
    expect(records).toHaveLength(5000);
    expect(records[4999]?.text).toBe('第4999首诗');
  });

  test('a syntax error names the file', async () => {
    await expect(read('[{"paragraphs": [')).rejects.toEqual(failure(/corpus is not valid JSON/));
    await expect(read('床前明月光', { format: 'json' })).rejects.toEqual(failure(/set format/));
  });

  test('a folder: its .json files, sorted by name', async () => {
    const path = join(folder, 'many');
    mkdirSync(path);
    await expect(collect(readCorpus(path))).rejects.toEqual(failure(/without .json files/));
    for (const name of ['b.json', 'a.json']) writeFileSync(join(path, name), `[{"paragraphs": ["${name}"]}]`);
    writeFileSync(join(path, 'notes.txt'), '不读');
    expect(texts(await collect(readCorpus(path)))).toEqual(['a.json', 'b.json']);
  });
});

describe('the format is detected from the content', () => {
  test.each([
    ['静夜思:床前明月光\n春晓:春眠不觉晓\n', 'titled'],
    ['\ufeff\r\n静夜思：床前明月光\r\n', 'titled'],
    ['静夜思:床前明月光\n\n\n\n', 'titled'],
    ['床前明月光，疑是地上霜。\n歌曰：天耶地耶。\n举头望明月\n', 'lines'],
    ['', 'lines'],
    ['[爽]节在重九，物华新雨馀。', 'lines'],
    ['{某}字已缺', 'lines'],
    ['\ufeff [\n {"title": "静夜思"}]', 'json'],
    ['{"title": "a:b"}', 'json'],
    ['[]', 'json'],
    [`["${' '.repeat(65_000)}`, 'json'],
    ['《静夜思》床前明月光，疑是地上霜。\n《春晓》春眠不觉晓，处处闻啼鸟。\n', 'titled'],
    ['{"text": "一"}\n\n{"text": "二"}\n', 'jsonl'],
    ['[\n"一",\n"二"]', 'json'],
    ['空山不见人，\n但闻人语响。\n\n千山鸟飞绝，\n万径人踪灭。\n', 'blocks'],
    ['空山不见人，但闻人语响。\n\n千山鸟飞绝，万径人踪灭。\n', 'lines'],
    ['一月,二月.\n三月,四月.\n', 'lines'],
    ['床前明月光，疑是地上霜，举头望明月，低头思故乡\n'.repeat(10), 'lines'],
    ['题,文\n一,空山不见人，但闻人语响。\n二,千山鸟飞绝，万径人踪灭。', 'table'],
    ['title,text\n一,空山不见人\n二,千山鸟飞绝', 'table'],
    ['鹿柴::王维::空山不见人，但闻人语响。\n江雪::柳宗元::千山鸟飞绝，万径人踪灭。', 'table'],
    ['鹿柴\t空山不见人，但闻人语响。\n江雪\t千山鸟飞绝，万径人踪灭。', 'table'],
  ] as const)('%j is %s', (head, format) => {
    expect(detectFormat(head, 'a.txt')).toBe(format);
  });

  test.each([
    [/not (one|clear)|none of its columns is clearly/, '鹿柴\t王维\n江雪\t柳宗元\n'],
    [/parts of a sentence: separate the poems by blank lines/, '空山不见人，\n但闻人语响。\n'.repeat(10)],
    [/look like titles: separate/, '鹿柴\n空山不见人，但闻人语响。返景入深林，复照青苔上。\n'.repeat(10)],
    [/none of its columns is clearly/, '标题,作者\n鹿柴,王维\n江雪,柳宗元\n'],
  ])('a format that cannot be detected is rejected: %s', async (message, content) => {
    await expect(read(content)).rejects.toEqual(failure(message));
    expect((await read(content, { format: 'lines' })).length).toBeGreaterThan(1);
  });

  test('a line cut off at the end of the chunk is ignored', async () => {
    const records = await read(`题:诗\n${'长'.repeat(30_000)}`);
    expect(records[0]?.format).toBe('titled');
  });

  test('an explicit format takes precedence', async () => {
    expect(await read('题:诗', { format: 'lines' })).toEqual([{ format: 'lines', text: '题:诗', line: 1 }]);
  });
});

describe('poems of several lines', () => {
  const blocks = { format: 'blocks' } as const;

  test('are separated by blank lines; titles and authors are left out', async () => {
    const content =
      '鹿柴\r\n王维\r\n空山不见人，但闻人语响。\r\n返景入深林，复照青苔上。\r\n \r\n\r\n《江雪》\r\n千山鸟飞绝\r\n万径人踪灭\r\n' +
      '孤舟蓑笠翁\r\n独钓寒江雪';
    expect(await read(content, blocks)).toEqual([
      { format: 'blocks', text: '空山不见人，但闻人语响。返景入深林，复照青苔上。', line: 1 },
      { format: 'blocks', text: '千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。', line: 7 },
    ]);
  });

  test('a lone heading is not a poem; a block has the same length limit as a line', async () => {
    const long = `${'a'.repeat(MAX_LINE)}\n`;
    expect(await read(`卷第一\n\n一二三，\n四五六。\n\n${long}${long}\n七八九，十。`, blocks)).toEqual([
      { format: 'blocks', text: '', line: 1, fault: 'format' },
      { format: 'blocks', text: '一二三，四五六。', line: 3 },
      { format: 'blocks', text: '', line: 6, fault: 'too-long' },
      { format: 'blocks', text: '七八九，十。', line: 9 },
    ]);
  });
});

describe('tables', () => {
  const poem = '空山不见人，但闻人语响。';

  test.each([
    ['CSV with quotes', `题目,内容\r\n"鹿""柴","${poem}"\r\n江雪,"${poem}\n${poem}"\r\n`],
    ['CSV with a BOM', `\ufeffContent,Title\n${poem},鹿柴\n${poem},江雪\n`],
    ['tabs', `鹿柴\t王维\t${poem}\n江雪\t柳宗元\t${poem}\n`],
    ['title::author::content', `鹿柴::王维::${poem}\n江雪::柳宗元::${poem}\n`],
    ['title:author:content', `鹿柴:王维:${poem}\n江雪:柳宗元:${poem}\n`],
  ])('%s', async (_, content) => {
    const records = await read(content);
    expect(records.map(({ text }) => text.slice(0, 12))).toEqual([poem, poem]);
    expect(records.map(({ format, line }) => [format, line])).toEqual([
      ['table', 1],
      ['table', 2],
    ]);
  });

  test('a row without the column is marked; an unterminated quote is an error', async () => {
    const rows = `题目,内容\n${`鹿柴,${poem}\n`.repeat(20)}`;
    expect((await read(`${rows}江雪\n`)).at(-1)).toEqual({
      format: 'table',
      text: '',
      line: 21,
      fault: 'format',
    });
    await expect(read(`${rows.repeat(500)}江雪,"${poem}`)).rejects.toEqual(failure(/not a valid table/));
  });

  test('line breaks in quoted cells, also where the first chunk is cut within one', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => `诗${i},"${poem}\n${poem}"\n`);
    const records = await read(`title,content\n${rows.join('')}`);
    expect(records).toHaveLength(3000);
    expect(new Set(texts(records))).toEqual(new Set([`${poem}\n${poem}`]));
  });

  test('a delimiter within the last column belongs to it; a row of another width is marked', async () => {
    const last = `题目,内容\n${`鹿柴,${poem}\n`.repeat(20)}江雪,千山鸟飞绝,万径人踪灭。\n`;
    expect((await read(last)).at(-1)).toMatchObject({ text: '千山鸟飞绝,万径人踪灭。' });
    const first = `内容,题目\n${`${poem},鹿柴\n`.repeat(20)}千山鸟飞绝,万径人踪灭。,江雪\n`;
    expect((await read(first)).at(-1)).toMatchObject({ fault: 'format' });
  });

  test('semicolons, as some spreadsheets write them', async () => {
    expect(texts(await read(`鹿柴;王维;${poem}\n江雪;柳宗元;${poem}\n`))).toEqual([poem, poem]);
  });

  test('half-width commas within poems are no delimiters', async () => {
    const lines = '床前明月光,疑是地上霜。举头望明月,低头思故乡\n'.repeat(20);
    expect((await read(lines))[0]).toMatchObject({ format: 'lines', text: lines.split('\n')[0] });
  });

  test('another format cannot be read as a table', async () => {
    await expect(read(poem, { format: 'table' })).rejects.toEqual(failure(/not a table/));
  });
});

describe('one JSON object per line', () => {
  test('is read line by line', async () => {
    const content = '{"text": "一"}\n\n{"title": "无"}\n{"paragraphs": ["二，", "三。"]}\n';
    expect(await read(content)).toEqual([
      { format: 'jsonl', text: '一', line: 1 },
      { format: 'jsonl', text: '二，三。', line: 4 },
    ]);
  });

  test('an error gives the line number', async () => {
    await expect(read('{"text": "一"}\n{"text":\n')).rejects.toEqual(failure(/corpus:2 is not valid JSON/));
  });
});

describe('encodings', () => {
  // Output of iconv -t for '床前明月光\n疑是地上霜'.
  const bytes = {
    gb18030: 'b4b2c7b0c3f7d4c2b9e20ad2c9cac7b5d8c9cfcbaa',
    big5: 'a7c9ab65a9faa4ebaafa0aa9baac4fa661a457c1f7',
  };
  const text = ['床前明月光', '疑是地上霜'];
  const utf16le = Buffer.from(text.join('\n'), 'utf16le');
  const utf16be = Buffer.from(utf16le).swap16();

  test.each([
    ['gb18030', Buffer.from(bytes.gb18030, 'hex')],
    ['utf-16le', utf16le],
    ['utf-16be', utf16be],
  ] as const)('%s is read if specified, and rejected otherwise', async (encoding, content) => {
    expect(texts(await read(content, { encoding }))).toEqual(text);
    await expect(read(content)).rejects.toEqual(
      failure(/is not UTF-8: save it as UTF-8, or set encoding to one of gb18030, big5, utf-16le, utf-16be/),
    );
  });

  test('UTF-16 with a byte order mark is detected', async () => {
    const mark = Buffer.from('\ufeff', 'utf16le');
    expect(texts(await read(Buffer.concat([mark, utf16le])))).toEqual(text);
    expect(texts(await read(Buffer.concat([Buffer.from(mark).swap16(), utf16be])))).toEqual(text);
  });

  test('characters across chunk boundaries', async () => {
    const content = Buffer.concat([Buffer.from('a'), Buffer.from(`${bytes.gb18030}0a`.repeat(5000), 'hex')]);
    const lines = texts(await read(content, { encoding: 'gb18030' }));
    expect(lines).toHaveLength(10_000);
    expect(new Set(lines.slice(1))).toEqual(new Set(text));
  });

  test('UTF-8 cannot be read as another encoding', async () => {
    await expect(read(text.join('\n').repeat(2), { encoding: 'gb18030' })).rejects.toEqual(
      failure(/is UTF-8: omit encoding/),
    );
  });
});

describe('unreadable paths', () => {
  test('a missing file, a path through a file, a cycle of links', async () => {
    const collectFrom = (name: string) => collect(readCorpus(join(folder, name)));
    writeFileSync(join(folder, 'file'), '诗');
    symlinkSync('circle', join(folder, 'circle'));
    await expect(collectFrom('missing.txt')).rejects.toEqual(
      failure(/missing\.txt: no such file\. .*poems, tangshi/),
    );
    await expect(collectFrom('file/poems.txt')).rejects.toEqual(failure(/not a folder/));
    await expect(collectFrom('circle')).rejects.toEqual(failure(/circle/));
  });

  test('a device', async () => {
    await expect(collect(readCorpus('/dev/zero'))).rejects.toEqual(failure(/\/dev\/zero is not a file/));
  });

  test('a pipe can be read', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reading = collect(readCorpus(pipe));
    execFileSync('sh', ['-c', 'printf "一\\n" > "$0"', pipe]);
    expect(texts(await reading)).toEqual(['一']);
  });

  test('an abort stops reading, with its reason as the cause', async () => {
    const controller = new AbortController();
    const path = join(folder, 'long');
    writeFileSync(path, '床前明月光\n'.repeat(50_000));
    let seen = 0;
    const reading = (async () => {
      for await (const _ of readCorpus(path, { signal: controller.signal })) {
        if (++seen === 10) controller.abort('enough');
      }
    })();
    await expect(reading).rejects.toEqual(expect.objectContaining({ code: 'ABORT_ERR', cause: 'enough' }));
    expect(seen).toBeLessThan(10_000);
  });
});
