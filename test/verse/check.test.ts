import { annotate, judge } from '../../lib/verse/check';
import { Prosody } from '../../lib/verse/readings';

const prosody = Prosody.load();
const verdict = (text: string) => judge(text, prosody);

// Poems that the handbooks give as examples of regular verse.
test.each([
  ['五绝', '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。'],
  ['五绝', '功盖三分国，名成八阵图。江流石不转，遗恨失吞吴。'],
  ['七绝', '朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。'],
  ['七绝', '故人西辞黄鹤楼，烟花三月下扬州。孤帆远影碧空尽，唯见长江天际流。'],
  [
    '五律',
    '国破山河在，城春草木深。感时花溅泪，恨别鸟惊心。烽火连三月，家书抵万金。白头搔更短，浑欲不胜簪。',
  ],
  [
    '七律',
    '丞相祠堂何处寻，锦官城外柏森森。映阶碧草自春色，隔叶黄鹂空好音。三顾频烦天下计，两朝开济老臣心。出师未捷身先死，长使英雄泪满襟。',
  ],
])('%s: %s', (form, poem) => {
  const { rhyme, tone, ...rest } = verdict(poem);
  expect(rest.form).toBe(form);
  expect(rhyme).toMatchObject({ keeps: true, faults: [] });
  // The famous liberty of 故人西辞 stands at the second pair of places of one line.
  if (!poem.startsWith('故人')) expect(tone).toEqual({ keeps: true, faults: [] });
});

test('faults are named by line and character', () => {
  const quiet = verdict('床前明月光，疑是地上霜。举头望明月，低头思故乡。');
  expect(quiet.rhyme).toMatchObject({ keeps: true, groups: ['阳'] });
  expect(quiet.tone?.keeps).toBe(false);
  expect(quiet.tone?.faults[0]).toMatch(/^line \d, character \d: . is not [平仄]$/);
});

test('a rhyme of another group, an oblique one, and one that stands twice', () => {
  const ends = (second: string, fourth: string) =>
    verdict(`白日依山尽，黄河入海${second}。欲穷千里目，更上一层${fourth}。`).rhyme;
  expect(ends('流', '山')).toMatchObject({ keeps: false, faults: ['流山 are of no one group'] });
  expect(ends('流', '月')).toMatchObject({ keeps: false, faults: ['月 has no level rhyme'] });
  expect(ends('流', '流')).toMatchObject({ keeps: false, faults: ['流 rhymes with itself'] });
});

test('a first line that ends level must rhyme, and an unknown reading is no fault of the poet', () => {
  const first = verdict('白日依山江，黄河入海流。欲穷千里目，更上一层楼。');
  expect(first.rhyme).toMatchObject({ keeps: false, faults: ['line 1 ends level, but 江 does not rhyme'] });
  const unknown = verdict('白〇依山尽，黄河入海流。欲穷千里目，更上一层楼。');
  expect(unknown.tone?.faults).toEqual(['line 1, character 2: the reading of 〇 is not known']);
});

test('other shapes have tones, but no verdict', () => {
  const three = verdict('春眠不觉晓，处处闻啼鸟。夜来风雨声。');
  expect(three).not.toHaveProperty('form');
  expect(three.lines.map(({ tones }) => tones)).toEqual(
    ['平平仄仄仄', '仄仄平平仄', '仄平平仄平'].map((t) => expect.stringMatching(t.replace(/./g, '[$&中]'))),
  );
  expect(verdict('').lines).toEqual([]);
});

test('half-width marks part lines too, and a shape that is none is told', () => {
  expect(verdict('白日依山尽,黄河入海流.欲穷千里目,更上一层楼.').form).toBe('五绝');
  expect(annotate(verdict('登鹳雀楼\n白日依山尽，黄河入海流。'))).toContain(
    '[no regulated form: lines of 4, 5, 5]',
  );
});

test('annotated', () => {
  expect(annotate(verdict('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。'))).toBe(
    [
      ...['白日依山尽', '仄仄平平仄', '黄河入海流', '平平仄仄平 韵'],
      ...['欲穷千里目', '仄平平仄仄', '更上一层楼', '中仄仄平平 韵'],
      '[五绝, rhymes (尤), tones right]',
    ].join('\n'),
  );
});
