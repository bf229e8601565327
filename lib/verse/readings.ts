import { TangshiError } from '../util/errors';
import { scriptConverter } from '../util/script-conversion';

/**
 * The thirty level rhyme groups of the 平水韻, each as the rhymes of the 廣韻 that it merges; the first one is the name of
 * the group.
 */
// biome-ignore format: one line per group would not be clearer
const GROUPS = [
  '東', '冬鍾', '江', '支脂之', '微', '魚', '虞模', '齊', '佳皆', '灰咍', '真諄臻', '文殷', '元魂痕', '寒桓', '刪山',
  '先仙', '蕭宵', '肴', '豪', '歌戈', '麻', '陽唐', '庚耕清', '青', '蒸登', '尤侯幽', '侵', '覃談', '鹽添嚴', '咸銜凡',
] as const;

/**
 * Characters that the 廣韻 has only in another form, or not at all. The first of each pair is read as the second: an older
 * form, or a character with the same tone and rhyme.
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

/** Names of the thirty level rhyme groups in simplified characters, in the order of the bits of `Reading.groups`. */
// biome-ignore format: one line per name would not be clearer
export const RHYME_GROUPS = [
  '东', '冬', '江', '支', '微', '鱼', '虞', '齐', '佳', '灰', '真', '文', '元', '寒', '删',
  '先', '萧', '肴', '豪', '歌', '麻', '阳', '庚', '青', '蒸', '尤', '侵', '覃', '盐', '咸',
] as const;
/** The name of a level rhyme group: one of `RHYME_GROUPS`. */
export type RhymeGroup = (typeof RHYME_GROUPS)[number];

/** Bit mask of all level rhyme groups. */
export const ALL_RHYME_GROUPS = 2 ** RHYME_GROUPS.length - 1;

/** Whether a value is the name of a level rhyme group, in simplified characters. */
export function isRhymeGroup(value: unknown): value is RhymeGroup {
  return (RHYME_GROUPS as readonly unknown[]).includes(value);
}

/** Pronunciation of a character in Middle Chinese: the union of all its readings. */
export type Reading = Readonly<{
  /** Has a level tone, 平. */
  level: boolean;
  /** Has an oblique tone, 仄: rising, departing or entering. */
  oblique: boolean;
  /** Bit mask of its level rhyme groups; 0 for none. */
  groups: number;
}>;

type LookUp = (char: string) => readonly { tone: string; rhyme: string }[];

const UNKNOWN: Reading = { level: false, oblique: false, groups: 0 };

/**
 * Tones and rhymes of characters according to the 廣韻 (1008), from the package tshet-uinh. Simplified characters are
 * looked up in the traditional form given by opencc-js, or unchanged if the 廣韻 does not have that form.
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

  /** The instance of this process. The first call takes about 0.3 s; only forms and checks need it. */
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
   * The reading of a character; without tones if it is not in the 廣韻.
   *
   * @param char Simplified or traditional.
   */
  reading(char: string): Reading {
    const known = this.#known.get(char);
    if (known) return known;
    // Convert first: a simplified character may also be a rare traditional one, such as 园, which stands for 園.
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
 * The bit of a rhyme group.
 *
 * @param name Simplified or traditional.
 * @throws ERR_TANGSHI_INVALID_ARG for an unknown name.
 */
export function rhymeGroup(name: string): number {
  const index = (RHYME_GROUPS as readonly string[]).indexOf(name);
  const traditional = GROUPS.findIndex(([first]) => first === name);
  if (index >= 0 || traditional >= 0) return 1 << Math.max(index, traditional);
  throw new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    `Unknown rhyme group ${JSON.stringify(name)}. Choose one of ${RHYME_GROUPS.join('')}.`,
    { option: 'rhymeGroup' },
  );
}
