import fc from 'fast-check';
import { Cleaner, cleanClassic, cleanModern, REJECTIONS } from '../../lib/data/clean';
import { type CorpusRecord, readCorpus } from '../../lib/data/corpus';
import type { CorpusFormat } from '../../lib/data/corpus-format';
import { MAX_LINE } from '../../lib/data/line-splitter';
import golden from '../golden/seed.json';

const record = (text: string, format: CorpusFormat = 'lines'): CorpusRecord => ({ format, text, line: 1 });
const verdict = ({ text, rejection }: ReturnType<typeof cleanModern>) => text ?? `(${rejection})`;

describe('classic', () => {
  test.each(['titled', 'lines'] as const)(
    '%s: keeps and counts the same poems as the original program',
    async (format) => {
      const path = `${__dirname}/../golden/seed-${format === 'titled' ? 'poems' : 'lines'}.txt`;
      const cleaner = new Cleaner('classic');
      const poems: string[] = [];
      for await (const line of readCorpus(path, { format })) {
        const poem = cleaner.clean(line);
        if (poem !== undefined) poems.push(poem);
      }
      const { read, kept, ...rejected } = golden[format].counts;
      expect(poems.toSorted()).toEqual(golden[format].poems.toSorted());
      expect(cleaner.tally).toEqual({
        read,
        kept,
        rejected: { ...Object.fromEntries(REJECTIONS.map((reason) => [reason, 0])), ...rejected },
      });
    },
  );

  test('JSON is treated as the content of a titled line', () => {
    expect(verdict(cleanClassic(record('\u3000床前 明月:光，疑是。 ', 'json')))).toBe('床前明月:光，疑是。');
    expect(verdict(cleanClassic(record('床前（明月光', 'json')))).toBe('(skip-character)');
  });

  test('text with decoding errors is rejected', () => {
    expect(verdict(cleanClassic(record('床前\ufffd明月光')))).toBe('(damaged)');
    expect(verdict(cleanClassic(record('床前\ud800明月光')))).toBe('(damaged)');
    expect(verdict(cleanClassic(record('𠀀𠀁𠀂𠀃𠀄')))).toBe('𠀀𠀁𠀂𠀃𠀄');
  });

  test('duplicates are kept', () => {
    const cleaner = new Cleaner('classic');
    expect([cleaner.clean(record('床前明月光')), cleaner.clean(record('床前明月光'))]).toEqual([
      '床前明月光',
      '床前明月光',
    ]);
  });
});

describe('modern', () => {
  test.each([
    // white space, BOM, invisible characters
    ['\ufeff床前明月光，疑是地上霜。\r', '床前明月光，疑是地上霜。'],
    [' 床前\u3000明月光\t，疑\u200b是地上\u00ad霜\ufe00。', '床前明月光，疑是地上霜。'],
    // other forms of the punctuation marks
    ['床前明月光,疑是地上霜.举头望明月?低头思故乡!', '床前明月光，疑是地上霜。举头望明月？低头思故乡！'],
    ['床前明月光﹐疑是地上霜｡曰︰低头;思故乡､何如；', '床前明月光，疑是地上霜。'],
    ['歌曰：天耶、地耶；何如．', '歌曰：天耶、地耶；何如。'],
    // repeated, leading and trailing marks
    ['，床前明月光，，疑是地上霜。，', '床前明月光，疑是地上霜。'],
    ['床前明月光，。疑是地上霜？。！', '床前明月光。疑是地上霜？'],
    ['床前明月光，疑是地上霜', '床前明月光，疑是地上霜。'],
    ['床前明月光疑是地上霜', '床前明月光疑是地上霜'],
    // an unfinished sentence
    ['床前明月光，疑是地上霜。举头望明月，', '床前明月光，疑是地上霜。'],
    ['床前明月光，疑是地上霜，', '(unfinished)'],
    // notes are removed; quotation marks are removed but not the quotation; text restored by an editor stays
    ['蓬蒿无忧走（一作「奏」）风雨。(按：（见）某书)', '蓬蒿无忧走风雨。'],
    ['床前明月光【一】，疑是〖注〔二〕〗地上霜。', '床前明月光，疑是地上霜。'],
    ['童子解吟《长恨曲》，“胡儿”能唱\'琵琶"篇。', '童子解吟长恨曲，胡儿能唱琵琶篇。'],
    ['[爽]节在重九，物华新［雨馀］。', '爽节在重九，物华新雨馀。'],
    ['丈夫立[一]身须自省。', '(note)'],
    ['扇掩将雏曲，钗承堕马鬟。（见《海录', '(note)'],
    ['扇掩将雏曲）钗承堕马鬟。', '(note)'],
    ['春风处处々开，年年々好。', '春风处处处开，年年年好。'],
    ['々风处处开花', '(foreign)'],
    // the same character under another code point
    ['不\uf967老，⼭⽔⽇⽉', '不不老，山水日月。'],
    // lost characters
    ['醽醁胜兰生，翠涛过玉z1。', '(latin)'],
    ['醽醁胜兰生，翠涛过玉Ｂ。', '(latin)'],
    ['床前é明月光。', '(latin)'],
    ['床前٣明月光。', '(latin)'],
    ['绶吐芽犹嫩，冰□已镂津。', '(damaged)'],
    ['绶吐芽犹嫩，冰○已镂津。', '(damaged)'],
    ['绶吐芽犹嫩，冰〇已镂津。', '(damaged)'],
    ['绶吐芽犹嫩……已镂津。', '(damaged)'],
    ['绶吐芽犹嫩...已镂津。', '(damaged)'],
    ['疲{艹/尔}竟何人，洒涕巴东峡。', '(damaged)'],
    ['⿰木养深黄狖小，地暖何如。', '(damaged)'],
    ['绶吐芽\ue41d犹嫩。', '(damaged)'],
    ['绶吐芽\ufffd犹嫩。', '(damaged)'],
    ['绶吐芽\ud842犹嫩。', '(damaged)'],
    ['绶吐芽\0犹嫩。', '(damaged)'],
    // other characters
    ['策杖迎诗客，归房理病身。——广宣草木分千品。', '(foreign)'],
    ['古池や蛙飞びこむ水の音', '(foreign)'],
    ['床前明月光🌕疑是地上霜。', '(foreign)'],
    // length limits, in code points including punctuation, after cleaning
    ['大虫来。', '(too-short)'],
    ['大虫来也', '(too-short)'],
    ['大虫来也。', '大虫来也。'],
    [`${'诗'.repeat(79)}。`, `${'诗'.repeat(79)}。`],
    [`${'诗'.repeat(40)}，${'诗'.repeat(40)}`, '(too-long)'],
    [`${'𠀀'.repeat(80)}`, '𠀀'.repeat(80)],
    [`${'𠀀'.repeat(81)}`, '(too-long)'],
    // nothing left
    [' \u3000\ufeff', '(blank)'],
    ['。。（缺）', '(blank)'],
    ['', '(blank)'],
  ])('%j gives %s', (text, expected) => {
    expect(verdict(cleanModern(record(text)))).toBe(expected);
  });

  test('a record may have its own limit', () => {
    const long = { ...record(`${'诗'.repeat(99)}。`), maxLength: 100 };
    expect(verdict(cleanModern(long))).toBe(long.text);
    expect(verdict(cleanModern({ ...long, maxLength: 99 }))).toBe('(too-long)');
    expect(verdict(cleanClassic(long))).toBe('(too-long)');
  });

  test.each([
    ['静夜思:床前明月光。', '床前明月光。'],
    ['郊庙歌辞：静夜思:床前明月光。', '床前明月光。'],
    ['静夜思：床前明月光。', '床前明月光。'],
    ['静夜思：歌曰：明月光。', '歌曰：明月光。'],
    ['静夜思 G_1（二）: 床前明月光。', '床前明月光。'],
    ['静夜:思:床前明月光。', '(format)'],
    ['床前明月光。', '(format)'],
    ['静夜思:', '(blank)'],
    ['', '(blank)'],
  ])('titled: %j gives %s', (line, expected) => {
    expect(verdict(cleanModern(record(line, 'titled')))).toBe(expected);
  });

  test('duplicates are detected after cleaning', () => {
    const cleaner = new Cleaner('modern');
    const poems = ['床前明月光，疑是地上霜。', '床前明月光,疑是地上霜', '床前明月光', '「床前明月光」'].map(
      (text) => cleaner.clean(record(text)),
    );
    expect(poems).toEqual(['床前明月光，疑是地上霜。', undefined, '床前明月光', undefined]);
    expect(cleaner.tally).toMatchObject({ read: 4, kept: 2, rejected: { duplicate: 2 } });
  });
});

test.each(['classic', 'modern'] as const)('%s: errors from reading are counted by their reason', (rules) => {
  const cleaner = new Cleaner(rules);
  for (const fault of ['too-long', 'format', 'format'] as const) {
    expect(cleaner.clean({ ...record(''), fault })).toBeUndefined();
  }
  expect(cleaner.tally).toMatchObject({ read: 3, kept: 0, rejected: { 'too-long': 1, format: 2 } });
});

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(...'床前月𠀀々，。？；：,.!()（）[]【】「」《》□z1一 \u3000\ufeff\ud800⿰…'),
  }),
);

test('any text: modern yields Han characters and six punctuation marks within the length limits, and counts add up', () => {
  const cleaner = new Cleaner('modern');
  fc.assert(
    fc.property(hostile, fc.constantFrom<CorpusFormat>('titled', 'lines', 'json'), (text, format) => {
      const poem = cleaner.clean(record(text, format));
      if (poem !== undefined)
        expect(poem).toMatch(/^\p{Unified_Ideograph}[\p{Unified_Ideograph}，。？！；：、]{4,79}$/u);
    }),
    { numRuns: 2000 },
  );
  const { read, kept, rejected } = cleaner.tally;
  expect(kept + Object.values(rejected).reduce((sum, count) => sum + count)).toBe(read);
});

test('any text: modern is idempotent', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const once = cleanModern(record(text)).text;
      if (once !== undefined) expect(cleanModern(record(once)).text).toBe(once);
    }),
    { numRuns: 2000 },
  );
});

test.each(['classic', 'modern'] as const)(
  '%s: an adversarial line of any length takes less than a second',
  (rules) => {
    for (const unit of ['(', ':', ' ', '，', '々', '[', '\ufdfa', '诗', '诗。，', '\ud800']) {
      for (const format of ['titled', 'lines', 'json'] as const) {
        for (const length of [MAX_LINE, 20_000]) {
          const line = record(`甲:${unit.repeat(length / unit.length)}`, format);
          const started = performance.now();
          new Cleaner(rules).clean(line);
          expect(performance.now() - started).toBeLessThan(1000);
        }
      }
    }
  },
);

test('unknown rules are rejected', () => {
  expect(() => new Cleaner('foo' as never)).toThrow(
    expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG', option: 'cleaning' }),
  );
});
