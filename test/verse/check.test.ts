import { checkPoem } from '../../lib/verse/check';
import { formatCheck, formatFault } from '../../lib/verse/format-check';

// Examples of regulated verse from handbooks.
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
  const check = checkPoem(poem);
  expect(check.form).toBe(form);
  expect(check.rhyme).toMatchObject({ ok: true, faults: [] });
  // 故人西辞 is a known exception: its second pair of characters breaks the tone pattern.
  if (!poem.startsWith('故人')) expect(check.tone).toEqual({ ok: true, faults: [] });
});

test('a tone error has its position, the expected tone and the character', () => {
  const { rhyme, tone, lines } = checkPoem('床前明月光，疑是地上霜。举头望明月，低头思故乡。');
  expect(rhyme).toMatchObject({ ok: true, groups: ['阳'] });
  expect(tone?.ok).toBe(false);
  for (const fault of tone?.faults ?? []) {
    const { line, index, found, expected, rule } = fault;
    expect(rule).toBe('tone');
    expect([...(lines[line]?.text ?? '')][index]).toBe(found);
    expect(lines[line]?.tones[index]).toBe(expected === '平' ? '仄' : '平');
    expect(formatFault(fault)).toBe(`line ${line + 1}, character ${index + 1}: ${found} is not ${expected}`);
  }
});

test('rhyme errors: a different group, an oblique character, a repeated character', () => {
  const ends = (second: string, fourth: string) =>
    checkPoem(`白日依山尽，黄河入海${second}。欲穷千里目，更上一层${fourth}。`).rhyme;
  const at = { line: 3, index: 4 };
  expect(ends('流', '山')).toEqual({
    ok: false,
    groups: [],
    faults: [{ rule: 'rhyme-group', ...at, expected: ['尤'], found: '山' }],
  });
  expect(ends('流', '月')).toEqual({
    ok: false,
    groups: [],
    faults: [{ rule: 'no-level-rhyme', ...at, expected: ['尤'], found: '月' }],
  });
  expect(ends('流', '流')).toEqual({
    ok: false,
    groups: ['尤'],
    faults: [{ rule: 'repeated-rhyme', ...at, expected: [], found: '流' }],
  });
});

test('a first line that ends in a level tone must rhyme', () => {
  const { rhyme } = checkPoem('白日依山江，黄河入海流。欲穷千里目，更上一层楼。');
  expect(rhyme).toEqual({
    ok: false,
    groups: ['尤'],
    faults: [{ rule: 'first-line', line: 0, index: 4, expected: ['尤'], found: '江' }],
  });
});

test('an unknown reading is an error of its own kind', () => {
  const { tone } = checkPoem('白〇依山尽，黄河入海流。欲穷千里目，更上一层楼。');
  expect(tone?.faults).toEqual([{ rule: 'unknown-reading', line: 0, index: 1, expected: '仄', found: '〇' }]);
});

test('other line lengths have tones, but are not checked', () => {
  const three = checkPoem('春眠不觉晓，处处闻啼鸟。夜来风雨声。');
  expect(Object.keys(three)).toEqual(['lines']);
  expect(three.lines.map(({ tones }) => tones)).toEqual(
    ['平平仄仄仄', '仄仄平平仄', '仄平平仄平'].map((t) => expect.stringMatching(t.replace(/./g, '[$&中]'))),
  );
  expect(checkPoem('').lines).toEqual([]);
});

test('half-width punctuation also separates lines', () => {
  expect(checkPoem('白日依山尽,黄河入海流.欲穷千里目,更上一层楼.').form).toBe('五绝');
});

test('formatCheck shows tones and rhymes', () => {
  expect(formatCheck(checkPoem('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。'))).toBe(
    [
      '白日依山尽',
      '仄仄平平仄',
      '黄河入海流',
      '平平仄仄平 韵',
      '欲穷千里目',
      '仄平平仄仄',
      '更上一层楼',
      '中仄仄平平 韵',
      '[五绝, rhymes (尤), tones right]',
    ].join('\n'),
  );
  expect(formatCheck(checkPoem('登鹳雀楼\n白日依山尽，黄河入海流。'))).toContain(
    '[not a regulated form: lines of 5, 5]',
  );
  const faulty = checkPoem('白日依山江，黄河入海流。欲穷千里目，更上一层月。');
  expect(formatCheck(faulty)).toContain(
    'rhyme: line 4, character 5: 月 has no level rhyme; line 1, character 5: 江 is level, but does not rhyme',
  );
});
