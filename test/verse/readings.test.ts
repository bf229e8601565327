import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mayEndLine } from '../../lib/verse/pingshui';
import {
  commonReadings,
  isRhymeBook,
  RHYME_BOOKS,
  type RhymeBook,
  rhymeBook,
} from '../../lib/verse/rhyme-book';
import { buildTable } from '../../scripts/dev/readings/table';
import { bundledVocab } from './bundled-vocab';

const pingshui = rhymeBook('平水韵');
const cilin = rhymeBook('词林正韵');
const tongyun = rhymeBook('中华通韵');

/** The common readings, such as 平寒 仄翰. */
const commonOf = (book: RhymeBook, char: string) =>
  commonReadings(book, char).map(
    ({ tone, group }) => `${tone === 'level' ? '平' : '仄'}${book.groups[group]}`,
  );
const shareOf = (char: string, group: string) =>
  pingshui.readings(char).find((reading) => pingshui.groups[reading.group] === group)?.share;
const tonesOf = (char: string) => new Set(commonOf(pingshui, char).map(([tone]) => tone));

let characters: string[];
beforeAll(async () => {
  characters = (await bundledVocab()).toJSON().characters.filter((char) => /^\p{Script=Han}$/u.test(char));
});

describe('平水韵', () => {
  // From rhyme books: one character per group, simplified where a simplified form exists.
  test.each([
    ...[...'东冬江支微鱼虞齐佳灰真文元寒删先萧肴豪歌麻阳庚青蒸尤侵覃盐咸'].map((char) => [char, char]),
    ['红', '东'],
    ['松', '冬'],
    ['双', '江'],
    ['窗', '江'], // 窻 in the book
    ['间', '删'],
    ['魂', '元'],
    ['时', '支'],
    ['飞', '微'],
    ['书', '鱼'],
    ['无', '虞'],
    ['西', '齐'],
    ['柴', '佳'],
    ['来', '灰'],
    ['春', '真'],
    ['云', '文'],
    ['山', '删'],
    ['天', '先'],
    ['声', '庚'],
    ['流', '尤'],
    ['心', '侵'],
    ['涯', '麻'],
    ['干', '寒'],
    ['烹', '庚'],
  ])('%s is in the group %s', (char, group) => {
    expect(commonOf(pingshui, char)).toContain(`平${group}`);
  });

  test.each([
    ['风', ['平东']], // not 送, as 讽
    ['平', ['平庚']], // not 先, as in 平平
    ['园', ['平元']],
    ['征', ['平庚']], // 徵 is not understood in rhymes
    ['闲', ['平删']],
    ['月', ['仄月']],
    ['皓', ['仄皓']],
    ['看', ['平寒', '仄翰']],
    ['教', ['平肴']], // 仄效 is 12 of 100
  ])('%s has only the common readings %j', (char, readings) => {
    expect(commonOf(pingshui, char)).toEqual(readings);
  });

  test('rare readings are known, too', () => {
    expect(shareOf('平', '先')).toBeLessThan(0.1);
    expect(shareOf('征', '蒸')).toBeLessThan(0.1);
    expect(shareOf('风', '送')).toBeLessThan(0.1);
    expect(shareOf('冲', '东')).toBeGreaterThan(0.2);
    expect(shareOf('涯', '麻')).toBeGreaterThan(0.8);
  });

  test('simplified characters have the readings of all their forms', () => {
    expect(tonesOf('并')).toEqual(new Set('平仄')); // 并 併 並
    expect(tonesOf('漫')).toEqual(new Set('平仄'));
    expect(tonesOf('发')).toEqual(new Set('仄')); // 發 髮
    expect(commonOf(pingshui, '攒')).toEqual(['平寒']);
    for (const char of '占强凭') expect(tonesOf(char)).toEqual(new Set('平仄'));
    for (const char of '占强凭宁')
      expect(pingshui.readings(char).map(({ tone }) => tone)).toContain('oblique');
  });

  test('entering tones are oblique', () => {
    for (const char of '白日一入国月竹石') expect(tonesOf(char)).toEqual(new Set('仄'));
  });

  test('traditional characters and variants have the readings of the usual ones', () => {
    for (const [traditional, simplified] of [
      '東东',
      '風风',
      '來来',
      '萬万',
      '爲为',
      '廻回',
      '隣邻',
      '讐仇',
    ].map((pair) => [...pair]))
      expect(commonOf(pingshui, traditional as string)).toEqual(commonOf(pingshui, simplified as string));
    for (const char of '髪斾皜') expect(tonesOf(char)).toEqual(new Set('仄'));
  });

  test('what is no character has none', () => {
    for (const char of ['，', 'a', '☃', '', '囧𠮷']) expect(pingshui.readings(char)).toEqual([]);
  });

  test('each of its 106 groups has characters of the vocabulary', () => {
    expect(pingshui.groups).toHaveLength(106);
    const used = new Set(characters.flatMap((char) => pingshui.readings(char).map(({ group }) => group)));
    expect(pingshui.groups.filter((_, group) => !used.has(group))).toEqual([]);
  });

  test('the shares of a character add up to 1', () => {
    const wrong = characters.filter((char) => {
      const shares = pingshui.readings(char).map(({ share }) => share);
      return shares.length > 0 && Math.abs(shares.reduce((sum, share) => sum + share) - 1) > 0.025; // rounded
    });
    expect(wrong).toEqual([]);
  });

  test('some characters hardly ever end a line', () => {
    expect([...'不未可'].filter(mayEndLine)).toEqual([]);
    expect([...'山流月去'].filter(mayEndLine)).toEqual([...'山流月去']);
  });
});

describe('词林正韵', () => {
  test('has nineteen parts, of which those from 15 are entering tones', () => {
    expect(cilin.groups).toHaveLength(19);
    expect([0, 9, 10, 18].map((group) => cilin.groups[group])).toEqual([
      '第一部',
      '第十部',
      '第十一部',
      '第十九部',
    ]);
    for (const char of characters)
      for (const { tone, group } of cilin.readings(char)) if (group >= 14) expect(tone).toBe('oblique');
  });

  test.each([
    ['东', '平第一部'],
    ['来', '平第五部'],
    ['回', '平第三部'],
    ['言', '平第七部'],
    ['门', '平第六部'],
    ['会', '仄第三部'],
    ['盖', '仄第五部'],
    ['话', '仄第十部'],
    ['卖', '仄第五部'],
    ['佳', '平第十部'],
    ['街', '平第五部'],
    ['雪', '仄第十八部'],
    ['壁', '仄第十七部'],
  ])('%s is in %s', (char, part) => {
    expect(commonOf(cilin, char)).toEqual([part]);
  });

  test('readings that its parts unite are one', () => {
    expect(commonOf(cilin, '冲')).toEqual(['平第一部']); // 东 and 冬
    expect(cilin.readings('冲')[0]?.share).toBeCloseTo(1);
  });

  test('knows the characters that the 平水韵 knows', () => {
    const knows = (book: RhymeBook) => characters.filter((char) => book.readings(char).length > 0);
    expect(knows(cilin)).toEqual(knows(pingshui));
  });
});

describe('中华通韵', () => {
  test.each([
    ['八', '平啊'],
    ['我', '仄喔'],
    ['车', '平鹅'],
    ['月', '仄鹅'],
    ['雪', '仄鹅'],
    ['学', '平鹅'],
    ['一', '平衣'],
    ['日', '仄衣'],
    ['书', '平乌'],
    ['女', '仄迂'],
    ['鱼', '平迂'],
    ['来', '平哀'],
    ['飞', '平欸'],
    ['归', '平欸'],
    ['高', '平熬'],
    ['秋', '平欧'],
    ['天', '平安'],
    ['远', '仄安'],
    ['云', '平恩'],
    ['春', '平恩'],
    ['王', '平昂'],
    ['风', '平英'],
    ['翁', '平英'],
    ['中', '平雍'],
    ['兄', '平雍'],
    ['儿', '平儿'],
    ['耳', '仄儿'],
  ])('%s is %s', (char, reading) => {
    expect(commonOf(tongyun, char)[0]).toBe(reading);
  });

  test('has sixteen groups', () => {
    expect(tongyun.groups.join('')).toBe('啊喔鹅衣乌迂哀欸熬欧安恩昂英雍儿');
  });

  test('traditional characters, and what is none', () => {
    expect(commonOf(tongyun, '東')).toEqual(['平雍']);
    for (const char of ['，', 'a', '☃', '']) expect(tongyun.readings(char)).toEqual([]);
  });
});

test('nearly all characters of the bundled model have readings', () => {
  const unknown = (book: RhymeBook) => characters.filter((char) => book.readings(char).length === 0);
  // Rare ones that neither the 廣韻 nor the list by hand has, such as 飖 and 砝.
  expect(unknown(pingshui).length).toBeLessThanOrEqual(68);
  expect(unknown(tongyun).length).toBeLessThanOrEqual(30);
  // None of the 3,000 most frequent.
  expect(unknown(pingshui).filter((char) => characters.indexOf(char) < 3000)).toEqual([]);
  for (const book of RHYME_BOOKS.map(rhymeBook))
    for (const char of characters)
      if (book.readings(char).length > 0) expect(commonReadings(book, char).length).toBeGreaterThan(0);
});

test('rhyme books by name', () => {
  expect(RHYME_BOOKS.map((name) => rhymeBook(name).name)).toEqual([...RHYME_BOOKS]);
  expect(rhymeBook('平水韵')).toBe(pingshui);
  expect(['平水韵', '唐韵', 'toString', null].map(isRhymeBook)).toEqual([true, false, false, false]);
  expect(() => rhymeBook('唐韵' as never)).toThrow(
    expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG', option: 'rhymeBook' }),
  );
});

test('the table is what its recipe makes of the 廣韻 and the corpora', async () => {
  const table = JSON.parse(readFileSync(join(__dirname, '../../lib/verse/readings.json'), 'utf8'));
  const { groups, ...others } = await buildTable();
  expect(table).toEqual({ groups, ...others });
}, 120_000);
