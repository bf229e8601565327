import { TangshiError } from '../util/errors';
import { scriptConverter } from '../util/script-conversion';

/**
 * The thirty level groups of the 平水 rhymes, each with the rhymes of the 廣韻 that it gathers. A group's name is its
 * first character.
 */
const GROUPS = [
  ...[
    '東',
    '冬鍾',
    '江',
    '支脂之',
    '微',
    '魚',
    '虞模',
    '齊',
    '佳皆',
    '灰咍',
    '真諄臻',
    '文殷',
    '元魂痕',
    '寒桓',
    '刪山',
  ],
  ...[
    '先仙',
    '蕭宵',
    '肴',
    '豪',
    '歌戈',
    '麻',
    '陽唐',
    '庚耕清',
    '青',
    '蒸登',
    '尤侯幽',
    '侵',
    '覃談',
    '鹽添嚴',
    '咸銜凡',
  ],
] as const;

/**
 * Characters that the 廣韻 has in another form only, or not at all: the first of each pair is read as the second, an older
 * form of it or one of the same tone and rhyme.
 */
const READ_AS = new Map(
  (
    '间閒窗窻剑劒魂䰟众仲潇蕭托託棋棊联連吊弔鞍鞌裙裠皓皜炼練髭貲享響捣老匝合倘黨韩寒煮語污烏卮支烹庚垄隴拆坼胸胷' +
    '玳代婿細匆聰琉留缈小碗管嫦常幂覓蝴胡蒂帝熳幔溯素抬臺鸶絲腮來肇趙耗號勾鉤撑庚棕東咒救壳覺婷亭柿士熔容赚陷' +
    '罕旱泼末滤慮觑去淘陶滚袞槁考鹚慈姮恆'
  )
    .match(/../gu)
    ?.map((pair) => [...pair] as [string, string]),
);

/** The thirty level rhyme groups, in simplified characters, in the order of the bits of `Reading.groups`. */
// biome-ignore format: thirty lines would not be clearer
export const RHYME_GROUPS = [
  '东', '冬', '江', '支', '微', '鱼', '虞', '齐', '佳', '灰', '真', '文', '元', '寒', '删',
  '先', '萧', '肴', '豪', '歌', '麻', '阳', '庚', '青', '蒸', '尤', '侵', '覃', '盐', '咸',
] as const;
/** The name of a level rhyme group: one of `RHYME_GROUPS`. */
export type RhymeGroup = (typeof RHYME_GROUPS)[number];

/** How a character was read in the time of Tang; of several readings, all count. */
export type Reading = Readonly<{
  /** 平. */
  level: boolean;
  /** 仄: rising, departing or entering. */
  oblique: boolean;
  /** The level rhyme groups it belongs to, each a bit; 0 for none. */
  groups: number;
}>;

type LookUp = (char: string) => readonly { tone: string; rhyme: string }[];

const UNKNOWN: Reading = { level: false, oblique: false, groups: 0 };

/**
 * Tones and rhymes of characters, by the 廣韻 of 1008 as the package tshet-uinh has it. Simplified characters are read as
 * the traditional ones that opencc-js gives for them, or else as they stand.
 *
 * @example
 * const prosody = Prosody.load();
 * prosody.reading('东'); // { level: true, oblique: false, groups: 1 }
 */
export class Prosody {
  readonly #lookUp: LookUp;
  readonly #toTraditional: (text: string) => string;
  readonly #known = new Map<string, Reading>();
  static #loaded: Prosody | undefined;

  private constructor(lookUp: LookUp) {
    this.#lookUp = lookUp;
    this.#toTraditional = scriptConverter('to-traditional');
  }

  /** The one of this process. The first time takes some 0.3 s: a form asks for it, nothing else. */
  static load(): Prosody {
    Prosody.#loaded ??= Prosody.#read();
    return Prosody.#loaded;
  }

  static #read(): Prosody {
    const { 資料 } = require('tshet-uinh') as typeof import('tshet-uinh');
    return new Prosody((char) =>
      資料.query字頭(char).map(({ 音韻地位: place }) => ({ tone: place.聲, rhyme: place.韻 })),
    );
  }

  /**
   * Of a character that no book knows, neither tone.
   *
   * @param char In either script.
   */
  reading(char: string): Reading {
    const known = this.#known.get(char);
    if (known) return known;
    // Some simplified characters were others of their own once: 园 is 園, not the rare 园.
    const traditional = this.#lookUp(READ_AS.get(char) ?? this.#toTraditional(char));
    const reading = (traditional.length > 0 ? traditional : this.#lookUp(char)).reduce<Reading>(
      ({ level, oblique, groups }, { tone, rhyme }) => {
        if (tone !== '平') return { level, oblique: true, groups };
        return { level: true, oblique, groups: groups | groupOf(rhyme) };
      },
      UNKNOWN,
    );
    this.#known.set(char, reading);
    return reading;
  }
}

function groupOf(rhyme: string): number {
  const index = GROUPS.findIndex((rhymes) => rhymes.includes(rhyme));
  return index < 0 ? 0 : 1 << index;
}

/**
 * The bit of a rhyme group by its name, in either script.
 *
 * @throws EARG for a name that is none.
 */
export function rhymeGroup(name: string): number {
  const index = (RHYME_GROUPS as readonly string[]).indexOf(name);
  const traditional = GROUPS.findIndex(([first]) => first === name);
  if (index >= 0 || traditional >= 0) return 1 << Math.max(index, traditional);
  throw new TangshiError('EARG', `There is no rhyme group ${name}: they are ${RHYME_GROUPS.join('')}`);
}
