import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  type CorpusRecord,
  detectFormat,
  MAX_LINE,
  type ReadOptions,
  readCorpus,
} from '../../lib/data/corpus';

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

  test('universal newlines, numbered from 1, raw', async () => {
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

  test('a BOM stays, as Python keeps it; other separators of Unicode end no line', async () => {
    expect(texts(await read('\ufeff一\u2028二\x85三\x0b四\x1c五', lines))).toEqual([
      '\ufeff一\u2028二\x85三\x0b四\x1c五',
    ]);
  });

  test('characters and line ends across chunk borders', async () => {
    const content = `x${'床前明月光\r\n'.repeat(20_000)}`; // 340 kB: no chunk border falls on a character's
    const records = await read(content, lines);
    expect(records).toHaveLength(20_000);
    expect(new Set(texts(records.slice(1)))).toEqual(new Set(['床前明月光']));
    for (const shift of [65_534, 65_535, 65_536]) {
      expect(texts(await read(`${'a'.repeat(shift)}\r\nb`, lines))).toEqual(['a'.repeat(shift), 'b']);
    }
  });

  test('any text splits as Python has it', async () => {
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

  test('bytes that are no UTF-8 become U+FFFD', async () => {
    expect(
      texts(await read(Uint8Array.of(0xe5, 0xba, 0x0a, 0xff, 0x0a, 0x00, 0x0a, 0xf0, 0x9f), lines)),
    ).toEqual(['\ufffd', '\ufffd', '\0', '\ufffd']);
  });

  test('a line beyond 1 Mi characters is marked, not kept; the next is read', async () => {
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
  test('poems at any depth, in order, other objects passed over', async () => {
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

  test('paragraphs of another form are marked', async () => {
    expect(await read('\ufeff[{"paragraphs": "一"}, {"paragraphs": [1]}, {"paragraphs": []}]')).toEqual([
      { format: 'json', text: '', line: 1, fault: 'format' },
      { format: 'json', text: '', line: 2, fault: 'format' },
      { format: 'json', text: '', line: 3 },
    ]);
  });

  test('depth does not matter', async () => {
    const depth = 100_000;
    expect(texts(await read(`${'['.repeat(depth)}{"paragraphs":["深"]}${']'.repeat(depth)}`))).toEqual([
      '深',
    ]);
  });

  test('longer than the chunk that tells the format', async () => {
    const poems = Array.from({ length: 5000 }, (_, index) => ({ paragraphs: [`第${index}首诗`] }));
    const records = await read(JSON.stringify(poems, null, 2));
    expect(records).toHaveLength(5000);
    expect(records[4999]?.text).toBe('第4999首诗');
  });

  test('broken JSON names the file', async () => {
    await expect(read('[{"paragraphs": [')).rejects.toEqual(failure(/corpus is not valid JSON/));
    await expect(read('床前明月光', { format: 'json' })).rejects.toEqual(failure(/set format/));
  });

  test('a folder: its .json files by name', async () => {
    const path = join(folder, 'many');
    mkdirSync(path);
    await expect(collect(readCorpus(path))).rejects.toEqual(failure(/without .json files/));
    for (const name of ['b.json', 'a.json']) writeFileSync(join(path, name), `[{"paragraphs": ["${name}"]}]`);
    writeFileSync(join(path, 'notes.txt'), '不读');
    expect(texts(await collect(readCorpus(path)))).toEqual(['a.json', 'b.json']);
  });
});

describe('the format is told by the content', () => {
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
  ] as const)('%j is %s', (head, format) => {
    expect(detectFormat(head)).toBe(format);
  });

  test('a line that the chunk cuts does not count', async () => {
    const records = await read(`题:诗\n${'长'.repeat(30_000)}`);
    expect(records[0]?.format).toBe('titled');
  });

  test('a format that is given is taken', async () => {
    expect(await read('题:诗', { format: 'lines' })).toEqual([{ format: 'lines', text: '题:诗', line: 1 }]);
  });
});

describe('what cannot be read', () => {
  test('a missing file, a file in the place of a folder, a circle of links', async () => {
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

  test('UTF-16', async () => {
    await expect(read(Buffer.from('\ufeff床前明月光', 'utf16le'))).rejects.toEqual(
      failure(/save it as UTF-8/),
    );
  });

  test('a pipe is read', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reading = collect(readCorpus(pipe));
    execFileSync('sh', ['-c', 'printf "一\\n" > "$0"', pipe]);
    expect(texts(await reading)).toEqual(['一']);
  });

  test('abort stops it, with the reason as cause', async () => {
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
