import { titleForTheme } from '../../lib/data/theme';
import { themeTable } from '../../lib/data/theme-table';
import { cleanTitle } from '../../lib/data/title';
import { MODERN_WORDS } from '../../scripts/dev/modern-words';

test.each([
  ['中秋 思母', '中秋思母'],
  ['中秋，想念、妈妈', '中秋相思忆母'],
  ['登高望远', '登高望远'],
  ['爱情 恋爱', '相思'],
  ['孤独的夜', '孤独夜'], // no title has 的
  ['Winter 冬天', '冬日'],
  ['代码', '代'],
  ['', ''],
  ['Code 2', ''],
])('the theme %s becomes the title %s', (theme, title) => {
  expect(titleForTheme(theme)).toBe(title);
});

test('a word of characters that no title has becomes a title of poems that have them', () => {
  expect(titleForTheme('蟋蟀')).toBe('秋');
  expect(titleForTheme('鲈')).toBe('吴江');
  expect(titleForTheme('吻')).toBe(''); // nobody wrote about it
});

test('the table has the words of today', () => {
  expect(themeTable().modern).toEqual(MODERN_WORDS); // if this fails: npm run themes
});

test('words of today become titles that stay as they are', () => {
  for (const [word, title] of Object.entries(MODERN_WORDS)) {
    expect(titleForTheme(word)).toBe(title);
    expect(cleanTitle(title)).toBe(title);
  }
});
