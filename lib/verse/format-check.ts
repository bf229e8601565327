import { wrongArgument } from '../util/guards';
import type { Fault, PoemCheck, Remark } from './check/findings';

/** The language of texts for people. */
export type TextLanguage = 'en' | 'zh';

/**
 * Formats a check for people: each line with its tones below, rhymes marked; then the result, and below it what was
 * found.
 *
 * @param language Default: `en`.
 * @throws ERR_TANGSHI_INVALID_ARG
 * @example
 * console.log(formatCheck(checkPoem('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。')));
 */
export function formatCheck(check: PoemCheck, language: TextLanguage = 'en'): string {
  if (![check?.lines, check?.faults, check?.remarks, check?.rhymes].every(Array.isArray))
    throw wrongArgument('what checkPoem returns', 'check', check);
  const rows = check.lines.flatMap(({ text, tones, rhymes }) => [text, `${tones}${rhymes ? ' 韵' : ''}`]);
  const lineOf = ({ line }: Fault) => check.lines[line]?.text ?? '';
  const faults = check.faults.map((fault) => `  ${formatFault(fault, language)}（${lineOf(fault)}）`);
  const remarks = mergedRemarks(check.remarks, language).map((remark) => `  ${remark}`);
  return [...rows, `[${resultOf(check, language)}]`, ...faults, ...remarks].join('\n');
}

function resultOf(check: PoemCheck, language: TextLanguage): string {
  const { form, ok, rhymes, rhymeBook, faults } = check;
  if (ok === undefined) return REASONS[language](check);
  const groups = rhymes.filter(Boolean).join('、');
  if (language === 'zh') {
    const verdict = ok ? '合律' : `${faults.length} 处不合`;
    const rhyme = rhymeBook === '词林正韵' ? groups : `${groups}韵`;
    return [form, groups && `押${rhyme}（${rhymeBook}）`, verdict].filter(Boolean).join('，');
  }
  const verdict = ok ? 'no faults' : `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`;
  return [form, groups && `rhymes in ${groups} (${rhymeBook})`, verdict].filter(Boolean).join(', ');
}

/** Why a poem cannot be judged. */
const REASONS: Readonly<Record<TextLanguage, (check: PoemCheck) => string>> = {
  en: ({ form, expectedLengths: expected = [], lines }) => {
    const own = lengthsOf(lines).join(', ');
    if (expected.length === 0) return `cannot be judged: no form has lines of ${own || 'no'} characters`;
    return `cannot be judged: ${form ?? 'the template'} has lines of ${expected.join(', ')} characters, this poem of ${own || 'no'}`;
  },
  zh: ({ form, expectedLengths: expected = [], lines }) => {
    const own = lengthsOf(lines).join('、');
    if (expected.length === 0) return `无法判断：各句字数为 ${own || 0}，没有这样的体裁`;
    return `无法判断：${form ?? '格律'}各句应为 ${expected.join('、')} 字，此诗为 ${own || 0} 字`;
  },
};

function lengthsOf(lines: PoemCheck['lines']): number[] {
  return lines.map(({ text }) => [...text].length);
}

/**
 * Describes a fault for people; lines and characters count from 1.
 *
 * @param language Default: `en`.
 * @throws ERR_TANGSHI_INVALID_ARG
 * @example
 * formatFault({ term: '出律', line: 2, index: 3, expected: '平', found: '望' });
 * // '出律, line 3, character 4: 望 is not 平'
 */
export function formatFault(fault: Fault, language: TextLanguage = 'en'): string {
  if (!Object.hasOwn(EXPLANATIONS, fault?.term ?? ''))
    throw wrongArgument('a fault that checkPoem found', 'fault', fault);
  const { term, line, index, found, expected = '' } = fault;
  const what = EXPLANATIONS[term][language]
    .replaceAll('{found}', () => found)
    .replaceAll('{expected}', () => expected);
  return language === 'zh'
    ? `${term}：第 ${line + 1} 句第 ${index + 1} 字，${what}`
    : `${term}, line ${line + 1}, character ${index + 1}: ${what}`;
}

/** Explanations of the terms; {found} is the character, {expected} what it should be. */
const EXPLANATIONS: Readonly<Record<Fault['term'], Readonly<Record<TextLanguage, string>>>> = {
  失粘: {
    en: 'the couplet should begin like the line before, with {expected}, not {found}',
    zh: '“{found}”应为{expected}，与上句相粘',
  },
  失对: {
    en: '{found} does not oppose the first line: it should be {expected}',
    zh: '“{found}”应为{expected}，与上句相对',
  },
  出律: { en: '{found} is not {expected}', zh: '“{found}”应为{expected}' },
  孤平: { en: '{found} is the only 平 before the rhyme', zh: '除韵脚外只有“{found}”一个平声' },
  三平尾: { en: 'the line ends in three level tones', zh: '句末连用三个平声' },
  三仄尾: { en: 'the line ends in three oblique tones', zh: '句末连用三个仄声' },
  落韵: { en: '{found} does not rhyme', zh: '“{found}”不押韵' },
  出韵: { en: '{found} rhymes in another group than {expected}', zh: '“{found}”不在{expected}韵' },
  重韵: { en: '{found} rhymes with itself', zh: '“{found}”重复用作韵脚' },
  撞韵: {
    en: '{found} ends a line without rhyme, but sounds like the rhyme {expected}',
    zh: '白脚“{found}”与{expected}韵相撞',
  },
  失叠: { en: 'the line should repeat {expected}', zh: '应与“{expected}”相叠' },
  读音不详: { en: 'the reading of {found} is not known', zh: '“{found}”的读音不详' },
};

/** Remarks of one kind on one row. */
function mergedRemarks(remarks: readonly Remark[], language: TextLanguage): string[] {
  return Object.entries(REMARKS).flatMap(([term, names]) => {
    const found = remarks.filter((remark) => remark.term === term);
    if (found.length === 0) return [];
    const items = found.map((remark) => `${remark.found}（${remark.taken}）`);
    return `${term}${language === 'zh' ? `（${names.zh}）：` : ` (${names.en}): `}${[...new Set(items)].join(' ')}`;
  });
}

const REMARKS: Readonly<Record<Remark['term'], Readonly<Record<TextLanguage, string>>>> = {
  拗救: { en: 'a variant of the pattern, accepted', zh: '合律' },
  邻韵: { en: 'a neighbouring rhyme, accepted', zh: '可通押' },
  多音字: { en: 'readings taken', zh: '所取读音' },
  罕读: { en: 'fits only by a rare reading', zh: '只有罕用的读音才合' },
  读音不详: { en: 'reading not known, taken as it fits', zh: '韵书未收，按合律计' },
};
