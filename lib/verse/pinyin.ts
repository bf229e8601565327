type PinyinPro = typeof import('pinyin-pro');

let pinyin: PinyinPro['pinyin'] | undefined;

/** A reading of a character in Mandarin: `num` is its tone, 0 if neutral; initial and final as pinyin writes them. */
export type PinyinReading = Readonly<{ initial: string; final: string; num: number }>;

/** All readings of a character, the usual one first, by pinyin-pro, which is loaded on first use. */
export function pinyinReadings(char: string): readonly PinyinReading[] {
  pinyin ??= (require('pinyin-pro') as PinyinPro).pinyin;
  return pinyin(char, { type: 'all', toneType: 'symbol', multiple: true });
}
