import { 資料 } from 'tshet-uinh';

/** Readings of traditional characters by the 廣韻 (1008), its rhymes folded into the 106 groups of the 平水韵. */

/** For each set of rhymes of the 廣韻, the groups of the four tones that contain it; · for none. */
const FOLDED: readonly (readonly [rhymes: string, groups: string])[] = [
  ['東', '东董送屋'],
  ['冬鍾', '冬肿宋沃'],
  ['江', '江讲绛觉'],
  ['支脂之', '支纸寘·'],
  ['微', '微尾未·'],
  ['魚', '鱼语御·'],
  ['虞模', '虞麌遇·'],
  ['齊祭', '齐荠霁·'],
  ['泰', '··泰·'],
  ['佳皆夬', '佳蟹卦·'],
  ['灰咍廢', '灰贿队·'],
  ['真臻', '真轸震质'],
  ['文殷', '文吻问物'],
  ['元魂痕', '元阮愿月'],
  ['寒', '寒旱翰曷'],
  ['刪山', '删潸谏黠'],
  ['先仙', '先铣霰屑'],
  ['蕭宵', '萧筱啸·'],
  ['肴', '肴巧效·'],
  ['豪', '豪皓号·'],
  ['歌', '歌哿个·'],
  ['麻', '麻马祃·'],
  ['陽唐', '阳养漾药'],
  ['庚耕清', '庚梗敬陌'],
  ['青', '青迥径锡'],
  ['蒸登', '蒸迥径职'],
  ['尤侯幽', '尤有宥·'],
  ['侵', '侵寝沁缉'],
  ['覃談', '覃感勘合'],
  ['鹽添', '盐琰艳叶'],
  ['嚴', '盐琰艳洽'],
  ['咸銜凡', '咸豏陷洽'],
];
const GROUPS = new Map(FOLDED.flatMap(([rhymes, groups]) => [...rhymes].map((rhyme) => [rhyme, groups])));

/** The groups in which a traditional character is read, each once. */
export function guangyunGroups(char: string): string[] {
  const groups = 資料
    .query字頭(char)
    .map(({ 音韻地位: place }) => GROUPS.get(place.韻)?.['平上去入'.indexOf(place.聲)])
    .filter((group) => group !== undefined && group !== '·');
  return [...new Set(groups as string[])];
}

/** Rhymes of the 廣韻 that ci (词林正韵) separate from the others of their group in the 平水韵. */
const SEPARATE_IN_CI = new Map([
  ['灰', '咍'],
  ['贿', '咍'],
  ['队', '咍'],
  ['元', '元'],
  ['阮', '元'],
  ['愿', '元'],
]);

/** Whether ci separate a character from the others of its group: 来 from 回, 言 from 魂, 会 from 盖, 话 from 卖. */
export function isSeparateInCi(char: string, group: string): boolean {
  return 資料.query字頭(char).some(({ 音韻地位: place }) => {
    if (GROUPS.get(place.韻)?.['平上去入'.indexOf(place.聲)] !== group) return false;
    if (group === '泰') return (place.呼 === '合' && char !== '外') || place.呼 === null;
    // 佳, 涯 and 娃 are read like 蛙.
    if (group === '佳') return place.韻 === '佳' && (place.呼 === '合' || '佳涯娃'.includes(char));
    if (group === '卦') return place.韻 !== '皆' && place.呼 === '合' && char !== '快';
    return SEPARATE_IN_CI.get(group)?.includes(place.韻) === true;
  });
}

/** All characters of the 廣韻. */
export function guangyunCharacters(): string[] {
  const characters = new Set<string>();
  for (const place of 資料.iter音韻地位())
    for (const { 字頭 } of 資料.query音韻地位(place)) characters.add(字頭);
  return [...characters];
}
