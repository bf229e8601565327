import { genreOf } from '../../lib/data/genre';
import { cleanTitle, titleOf } from '../../lib/data/title';

test.each([
  ['春江夜别', '春江夜别'],
  ['春日独坐，寄郑明府', '春日独坐寄郑明府'],
  ['帝京篇十首 一', '帝京篇'],
  ['晚秋郊居八首  其四', '晚秋郊居'],
  ['相和歌辞：子夜四时歌六首：冬歌二首', '子夜四时歌冬歌'],
  ['杂曲歌辞：太和第五彻', '太和'],
  ['杂歌谣辞', '杂歌谣辞'],
  ['清江曲内一绝', '清江曲内'],
  ['奉和（一作和）圣制', '奉和圣制'],
  ['送友(二首)', '送友'],
  ['送友（', ''],
  ['句  其二', ''],
  ['二首', ''],
  ['诗一首', ''],
  ['Spring 2', ''],
  ['', ''],
  ['春江花月夜春江花月夜春江花月夜春江花月夜行路难', '春江花月夜春江花月夜春江花月夜春江花月夜'],
])('the title %s is learned as %s', (title, expected) => {
  expect(cleanTitle(title)).toBe(expected);
  expect(cleanTitle(cleanTitle(title))).toBe(expected);
});

test.each([
  ['titled', '静夜思:床前明月光。', '静夜思'],
  ['titled', '静夜思：床前明月光。', '静夜思'],
  ['titled', '《静夜思》：床前明月光。', '静夜思'],
  ['titled', '《静夜思》床前明月光。', '静夜思'],
  ['lines', '静夜思:床前明月光。', ''],
] as const)('%s: the title of %s is %s', (format, text, title) => {
  expect(titleOf({ format, text, line: 1 })).toBe(title);
});

const poem = (lines: number, width: number) => Array(lines).fill('山'.repeat(width)).join('，').concat('。');

test.each([
  [4, 5, '五绝'],
  [4, 7, '七绝'],
  [8, 5, '五律'],
  [8, 7, '七律'],
  [12, 5, '五古'],
  [6, 7, '七古'],
  [4, 6, '杂言'],
])('%i lines of %i characters are %s', (lines, width, genre) => {
  expect(genreOf(poem(lines, width))).toBe(genre);
});

test('lines of different lengths are 杂言', () => {
  expect(genreOf('床前明月光，疑是地上霜，举头望。低头思故乡。')).toBe('杂言');
});
