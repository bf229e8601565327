import { standardForms, toStandardForms } from '../../lib/data/standard-forms';
import { scriptConverter } from '../../lib/util/script-conversion';

const simplify = scriptConverter('to-simplified');
const convert = (text: string) => toStandardForms(text, simplify(text), simplify);

test.each([
  ['鴈字迴時，月滿西樓。', '雁字回时，月满西楼。'],
  ['白髪三千丈', '白发三千丈'],
  ['疎影橫斜', '疏影横斜'],
])('the standard form of %s is %s', (text, expected) => {
  expect(convert(text)).toBe(expected);
});

test.each([
  ['乾坤日夜浮', '乾坤日夜浮'],
  ['乾綱一以振', '乾纲一以振'],
  ['乾符初刺史', '乾符初刺史'],
  ['蠟炬成灰淚始乾', '蜡炬成灰泪始干'],
  ['墨未乾明月', '墨未干明月'],
  ['相見欄干', '相见栏干'],
])('乾 is read qián or gān: %s', (text, expected) => {
  expect(convert(text)).toBe(expected);
});

test('a standard form maps to itself', () => {
  const text = '隐疏檐雁郁发赖惭遍剑妆净莺斗愧猿蕊皋仙佩鳌高卮驴棹懒暖';
  expect(standardForms(text)).toBe(text);
  const once = standardForms('隠疎簷鴈鬰髪頼慙徧劒粧浄鶑鬭');
  expect(standardForms(once)).toBe(once);
});
