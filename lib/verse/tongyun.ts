import { pinyinReadings } from './pinyin';
import { COMMON } from './reading-share';
import type { Reading, RhymeBook } from './rhyme-book';

/** The sixteen groups of the 中华通韵 (2019) and their finals. */
const GROUPS: readonly (readonly [name: string, finals: string])[] = [
  ['啊', 'a ia ua'],
  ['喔', 'o uo io'],
  ['鹅', 'e ie üe ê'],
  ['衣', 'i'],
  ['乌', 'u'],
  ['迂', 'ü'],
  ['哀', 'ai uai'],
  ['欸', 'ei ui uei'],
  ['熬', 'ao iao'],
  ['欧', 'ou iu iou'],
  ['安', 'an ian uan üan'],
  ['恩', 'en in un ün uen'],
  ['昂', 'ang iang uang'],
  ['英', 'eng ing ueng'],
  ['雍', 'ong iong'],
  ['儿', 'er'],
];
const GROUP_OF = new Map(GROUPS.flatMap(([, finals], i) => finals.split(' ').map((final) => [final, i])));
/** After these initials, and y, `u` stands for ü in un, uan, ue and u. */
const WITH_UMLAUT = new Set(['j', 'q', 'x', 'y']);
/** Shares of the usual reading, the second, and all others, in the order of pinyin-pro, which has no counts. */
const SHARES = [1, COMMON, COMMON / 2];

/** The 中华通韵: tones and rhymes of modern Mandarin. The first and second tones are level, the others oblique. */
export class Tongyun implements RhymeBook {
  readonly name = '中华通韵';
  readonly groups = GROUPS.map(([name]) => name);
  readonly #known = new Map<string, readonly Reading[]>();

  readings(char: string): readonly Reading[] {
    const known = this.#known.get(char) ?? this.#read(char);
    this.#known.set(char, known);
    return known;
  }

  #read(char: string): Reading[] {
    return pinyinReadings(char)
      .filter(({ num }) => num > 0) // not the neutral tone
      .flatMap(({ initial, final, num }): Omit<Reading, 'share'>[] => {
        const group = GROUP_OF.get(finalOf(initial, withoutTone(final)));
        return group === undefined ? [] : [{ tone: num <= 2 ? 'level' : 'oblique', group }];
      })
      .filter((reading, i, all) => all.findIndex((other) => isSame(reading, other)) === i)
      .map((reading, i) => ({ ...reading, share: SHARES[Math.min(i, 2)] as number }));
  }
}

/** pinyin-pro merges readings that differ in tone alone, unless tones are written. */
function withoutTone(final: string): string {
  return final
    .normalize('NFD')
    .replace(/[\u0300\u0301\u0304\u030c]/g, '')
    .normalize('NFC');
}

function finalOf(initial: string, final: string): string {
  return WITH_UMLAUT.has(initial) ? final.replace(/^u(?!a?ng|o)/, 'ü') : final;
}

function isSame(a: Omit<Reading, 'share'>, b: Omit<Reading, 'share'>): boolean {
  return a.tone === b.tone && a.group === b.group;
}
