import { Prosody, RHYME_GROUPS, rhymeGroup } from '../../lib/verse/readings';

const prosody = Prosody.load();
const groups = (char: string) =>
  RHYME_GROUPS.filter((_, bit) => ((prosody.reading(char).groups >> bit) & 1) === 1).join('');

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
  ['村', '元'],
  ['山', '删'],
  ['天', '先'],
  ['桥', '萧'],
  ['光', '阳'],
  ['声', '庚'],
  ['流', '尤'],
  ['心', '侵'],
  ['园', '元'], // not the rare reading of 园 in 寒
])('%s is in the group %s', (char, group) => {
  expect(groups(char)).toContain(group);
  if (char === '园') expect(groups(char)).toBe(group);
});

test('entering tones are oblique, and a character with two readings may be both level and oblique', () => {
  for (const char of '白日一入国月')
    expect(prosody.reading(char)).toMatchObject({ level: false, oblique: true });
  for (const char of '东人山天') expect(prosody.reading(char)).toMatchObject({ level: true, oblique: false });
  for (const char of '看思教') expect(prosody.reading(char)).toMatchObject({ level: true, oblique: true });
  for (const char of ['，', 'a', '囧𠮷'])
    expect(prosody.reading(char)).toEqual({ level: false, oblique: false, groups: 0 });
});

test('groups can be given by name in both scripts', () => {
  expect(rhymeGroup('东')).toBe(1);
  expect(rhymeGroup('東')).toBe(1);
  expect(rhymeGroup('咸')).toBe(2 ** 29);
  expect(rhymeGroup('鹽')).toBe(2 ** 28);
  expect(() => rhymeGroup('湖')).toThrow(expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG' }));
});
