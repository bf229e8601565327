import type { RhymeBookName } from '../rhyme-book';

/**
 * A fault of a poem by its term.
 *
 * - 失粘: a couplet does not begin like the end of the one before: their second characters differ in tone
 * - 失对: the lines of a couplet do not oppose each other: their second characters agree
 * - 出律: a character has the wrong tone
 * - 孤平: a line that ends in a level tone has only one other level tone among the characters that count
 * - 三平尾, 三仄尾: a line ends in three level, or three oblique tones
 * - 落韵: a character does not rhyme at all: its tone is not that of the rhyme
 * - 出韵: a character rhymes in another group
 * - 重韵: two lines rhyme on the same character
 * - 撞韵: a line that does not rhyme ends like the rhyme in another tone
 * - 失叠: a line that has to repeat the one before does not
 * - 读音不详: a rhyme is not in the rhyme book
 */
export type FaultTerm =
  | '失粘'
  | '失对'
  | '出律'
  | '孤平'
  | '三平尾'
  | '三仄尾'
  | '落韵'
  | '出韵'
  | '重韵'
  | '撞韵'
  | '失叠'
  | '读音不详';

/** Where something is found. */
export type Place = Readonly<{
  /** Index into `lines`, from 0. */
  line: number;
  /** Index of the character in the line, from 0. */
  index: number;
  /** The character. */
  found: string;
}>;

/** A fault. */
export type Fault = Place &
  Readonly<{
    term: FaultTerm;
    /** The required tone, or the rhyme group. */
    expected?: string;
  }>;

/** Whether a fault is one of rhyme, rather than of tones. */
export function isRhymeFault({ term }: Fault): boolean {
  return ['落韵', '出韵', '重韵', '撞韵', '读音不详'].includes(term);
}

/**
 * Something that is accepted, by its term.
 *
 * - 拗救: a tone that breaks the pattern and is made up for, such as 平平仄平仄 for 平平平仄仄
 * - 邻韵: a rhyme in a neighbouring group, as the first line of regulated verse may have it
 * - 多音字: a character with several common readings, of which one was taken
 * - 罕读: a character that fits only by a rare reading
 * - 读音不详: a character that is not in the rhyme book
 */
export type Remark = Place &
  Readonly<{
    term: '拗救' | '邻韵' | '多音字' | '罕读' | '读音不详';
    /** The reading taken, such as `平`, or the rhyme group. */
    taken: string;
  }>;

/** A line of a checked poem. */
export type CheckedLine = Readonly<{
  /** Without punctuation. */
  text: string;
  /** One sign per character: 平, 仄, 中 for either, ？ for an unknown reading. */
  tones: string;
  /** Whether the line rhymes with others. */
  rhymes: boolean;
}>;

/** A check of a poem against the rules of its form. */
export type PoemCheck = Readonly<{
  /** The form by which it was judged: one of `FORM_NAMES`; absent if there is none. */
  form?: string;
  rhymeBook: RhymeBookName;
  /** Whether there are no faults; absent if the poem cannot be judged. */
  ok?: boolean;
  /** Only if the poem cannot be judged: the lengths of the lines that the form has; none if no form was recognised. */
  expectedLengths?: readonly number[];
  /** In order, without punctuation. */
  lines: readonly CheckedLine[];
  /** Names of the rhyme groups, one for each rhyme of the form. */
  rhymes: readonly string[];
  faults: readonly Fault[];
  remarks: readonly Remark[];
}>;

/** What the check of a form finds. */
export type Findings = Readonly<{
  rhymes: readonly string[];
  /** Indices of the lines that rhyme. */
  rhyming: readonly number[];
  faults: readonly Fault[];
  remarks: readonly Remark[];
  /** The tone required of a character, by line and index; undefined for none. */
  toneAt?: (line: number, index: number) => '平' | '仄' | undefined;
}>;
