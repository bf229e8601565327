import { Pingshui } from './pingshui';
import { PINGSHUI_GROUPS } from './pingshui-groups';

import table = require('./readings.json');

import type { Reading, RhymeBook } from './rhyme-book';

/** The groups of the 平水韵 in each of the nineteen of the 词林正韵 (戈载, 1821). Entering tones have their own, from 15. */
const PARTS = [
  '东冬董肿送宋',
  '江阳讲养绛漾',
  '支微齐灰纸尾荠贿寘未霁队',
  '鱼虞语麌御遇',
  '佳蟹泰卦',
  '真文轸吻震问',
  '寒删先元旱潸铣阮翰谏霰愿',
  '萧肴豪筱巧皓啸效号',
  '歌哿个',
  '麻马祃',
  '庚青蒸梗迥敬径',
  '尤有宥',
  '侵寝沁',
  '覃盐咸感琰豏勘艳陷',
  '屋沃',
  '觉药',
  '质陌锡职缉',
  '物月曷黠屑叶',
  '合洽',
];
/** Part of the characters in `separate`, such as 来 (灰), which rhymes with 街, not with 回. */
const SEPARATE = new Map([
  ['灰', '佳'],
  ['贿', '蟹'],
  ['队', '卦'],
  ['佳', '麻'],
  ['泰', '支'],
  ['卦', '祃'],
]);
/** Of the group 元, 魂 and 门 rhyme with 真, the separate characters such as 言 with 寒. */
const NOT_SEPARATE = new Map([
  ['元', '真'],
  ['阮', '轸'],
  ['愿', '震'],
]);

/** The 词林正韵: the rhymes of ci, in nineteen parts that each comprise level and oblique tones. */
export class Cilin implements RhymeBook {
  readonly name = '词林正韵';
  readonly groups = [...'一二三四五六七八九']
    .map((n) => `第${n}部`)
    .concat(['十', ...[...'一二三四五六七八九'].map((n) => `十${n}`)].map((n) => `第${n}部`));
  readonly #pingshui = new Pingshui();
  readonly #separate: Readonly<Record<string, string | undefined>> = table.separate;

  readings(char: string): readonly Reading[] {
    const readings = new Map<string, Reading>();
    const standard = this.#pingshui.standardForm(char);
    for (const { tone, group, share } of this.#pingshui.readings(char)) {
      const part = this.#partOf(standard, PINGSHUI_GROUPS[group] as string);
      const key = `${tone}${part}`;
      const same = readings.get(key)?.share ?? 0;
      readings.set(key, { tone, group: part, share: same + share });
    }
    return [...readings.values()];
  }

  #partOf(char: string, group: string): number {
    const isSeparate = this.#separate[group]?.includes(char) === true;
    const like = (isSeparate ? SEPARATE : NOT_SEPARATE).get(group) ?? group;
    return PARTS.findIndex((groups) => groups.includes(like));
  }
}
