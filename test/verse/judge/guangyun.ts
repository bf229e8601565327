/** The readings of characters by the 廣韻 (1008), from the npm package tshet-uinh. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { 資料 } from 'tshet-uinh';

/**
 * The rhymes of the 廣韻 in level tone that poets used together (同用), folded into the thirty level groups of the 平水韵.
 * The first character names the group.
 */
const FOLDED =
  '东東 冬冬鍾 江江 支支脂之 微微 鱼魚 虞虞模 齐齊 佳佳皆 灰灰咍 真真諄臻 文文欣殷 元元魂痕 寒寒桓 删刪山 ' +
  '先先仙 萧蕭宵 肴肴 豪豪 歌歌戈 麻麻 阳陽唐 庚庚耕清 青青 蒸蒸登 尤尤侯幽 侵侵 覃覃談 盐鹽添嚴 咸咸銜凡';

const GROUP_OF = new Map(
  FOLDED.split(' ').flatMap(([name = '', ...rhymes]) => rhymes.map((rhyme) => [rhyme, name] as const)),
);

/** What a character may be: in which tones, and in which level rhyme groups. */
export type Readings = Readonly<{
  level: boolean;
  oblique: boolean;
  /** Names of level groups, such as 东. */
  groups: ReadonlySet<string>;
}>;

/** The readings of a simplified character in any of its traditional forms. No tone at all if the book lacks it. */
export function bookReadings(char: string): Readings {
  const sounds = [...traditionalForms(char)]
    .flatMap((form) => 資料.query字頭(form))
    .map((entry) => entry.音韻地位);
  const level = sounds.filter(({ 聲 }) => 聲 === '平');
  const groups = level.map(({ 韻 }) => GROUP_OF.get(韻)).filter((group) => group !== undefined);
  return { level: level.length > 0, oblique: level.length < sounds.length, groups: new Set(groups) };
}

let traditional: ReadonlyMap<string, ReadonlySet<string>> | undefined;

/** 干 stands for 乾, 幹, 榦 and itself. */
function traditionalForms(char: string): ReadonlySet<string> {
  traditional ??= readForms();
  return new Set([char, ...(traditional.get(char) ?? [])]);
}

/**
 * The dictionary of opencc-js from simplified to traditional characters has only the most frequent candidate: the others
 * are in its dictionary for the opposite direction.
 */
function readForms(): ReadonlyMap<string, ReadonlySet<string>> {
  const forms = new Map<string, Set<string>>();
  const add = (simplified: string, form: string) =>
    forms.set(simplified, (forms.get(simplified) ?? new Set<string>()).add(form));
  for (const [form, simplified] of openccDictionary('TSCharacters')) add(simplified, form);
  for (const [simplified, form] of openccDictionary('STCharacters')) add(simplified, form);
  return forms;
}

/** Read as text, because jest cannot load these ES modules: `export default "干 幹|征 徵|…"`. */
function openccDictionary(name: string): [string, string][] {
  const folder = dirname(require.resolve('opencc-js/t2cn'));
  const source = readFileSync(join(folder, '../esm-lib/dict', `${name}.js`), 'utf8');
  const content = /"(.*)"/s.exec(source)?.[1] ?? '';
  return content.split('|').map((entry) => entry.split(' ') as [string, string]);
}
