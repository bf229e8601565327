import type { Tone } from './tone';

/**
 * The 106 groups of the 平水韵 in their order, by tone: level (平), rising (上), departing (去), entering (入). Rising,
 * departing and entering tones are oblique (仄).
 */
const GROUPS_BY_TONE = {
  平: '东冬江支微鱼虞齐佳灰真文元寒删先萧肴豪歌麻阳庚青蒸尤侵覃盐咸',
  上: '董肿讲纸尾语麌荠蟹贿轸吻阮旱潸铣筱巧皓哿马养梗迥有寝感琰豏',
  去: '送宋绛寘未御遇霁泰卦队震问愿翰谏霰啸效号个祃漾敬径宥沁勘艳陷',
  入: '屋沃觉质物月曷黠屑药陌锡职缉合叶洽',
} as const;

/** Names of the 106 groups. */
export const PINGSHUI_GROUPS: readonly string[] = [...Object.values(GROUPS_BY_TONE).join('')];

/** The class of tones of a group. */
export function toneOfPingshuiGroup(group: string): Tone {
  return GROUPS_BY_TONE.平.includes(group) ? 'level' : 'oblique';
}
