import { TangshiError } from '../util/errors';
import { ALL_RHYME_GROUPS, type RhymeGroup, rhymeGroup } from './readings';

/**
 * Which positions follow the tone pattern.
 *
 * - `loose`: the second, fourth, sixth and last characters
 * - `strict`: also no three equal tones at the end of a line, and no isolated 平
 * - `off`: none
 */
export type ToneRule = 'strict' | 'loose' | 'off';

/** A fixed form, or lines x characters per line: `6x4`. */
export type FormName = '五绝' | '七绝' | '五律' | '七律' | '五絕' | '七絕' | `${number}x${number}`;

/** The form of a poem and its rules. */
export type FormOptions = Readonly<{
  /** A fixed form, or lines x characters per line, up to 40x20. */
  form?: FormName;
  /**
   * First characters of the lines. Without `form`: one line per character, of seven characters if their number is even,
   * otherwise of five.
   */
  acrostic?: string;
  /**
   * Whether even lines rhyme, in one level group and without repeating a character. Default: only in the fixed forms.
   */
  rhyme?: boolean;
  /** Default: `loose` in the fixed forms, otherwise `off`. */
  tone?: ToneRule;
  /** The rhyme group, such as 东. Default: chosen by the model. */
  rhymeGroup?: RhymeGroup;
}>;

/** The options with all defaults filled in. */
export type FormRules = Readonly<{
  lines: number;
  /** Characters per line, without punctuation. */
  width: number;
  /** One character per line, or empty. */
  acrostic: readonly string[];
  rhyme: boolean;
  tone: ToneRule;
  /** Bit mask of the allowed rhyme groups. */
  rhymeGroups: number;
}>;

const FIXED_FORMS: Readonly<Record<string, readonly [lines: number, width: number]>> = {
  五绝: [4, 5],
  七绝: [4, 7],
  五律: [8, 5],
  七律: [8, 7],
  五絕: [4, 5],
  七絕: [4, 7],
};
const TONE_RULES: readonly unknown[] = ['strict', 'loose', 'off'];
const MAX_LINES = 40;
const MAX_WIDTH = 20;
const HAN = /^\p{Script=Han}$/u;

/** Whether a value is the name of a form: a fixed one, or lines x characters within the limits. */
export function isFormName(value: unknown): value is FormName {
  return typeof value === 'string' && sizeOf(value) !== undefined;
}

/** Whether a value is a tone rule. */
export function isToneRule(value: unknown): value is ToneRule {
  return TONE_RULES.includes(value);
}

/** @throws ERR_TANGSHI_INVALID_ARG for an unknown form, and for options that contradict each other. */
export function formRules({ form, acrostic, rhyme, tone, rhymeGroup: group }: FormOptions): FormRules {
  const heads = [...(acrostic ?? '')];
  if (acrostic !== undefined && (heads.length === 0 || !heads.every((char) => HAN.test(char))))
    throw invalid(
      `Expected Han characters for acrostic but received ${JSON.stringify(acrostic)}`,
      'acrostic',
    );
  const [lines, width] = form === undefined ? acrosticSize(heads) : knownSize(form);
  if (heads.length > 0 && heads.length !== lines)
    throw invalid(`${acrostic} has ${heads.length} characters, but ${form} has ${lines} lines`, 'acrostic');
  if (rhyme === false && group !== undefined)
    throw invalid('rhymeGroup has no effect without rhyme', 'rhymeGroup');
  const isFixed = form !== undefined && Object.hasOwn(FIXED_FORMS, form);
  return {
    lines,
    width,
    acrostic: heads,
    rhyme: rhyme ?? (isFixed || group !== undefined),
    tone: tone ?? (isFixed ? 'loose' : 'off'),
    rhymeGroups: group === undefined ? ALL_RHYME_GROUPS : rhymeGroup(group),
  };
}

function acrosticSize({ length }: readonly string[]): readonly [lines: number, width: number] {
  return [length, length % 2 === 0 ? 7 : 5];
}

function knownSize(form: string): readonly [lines: number, width: number] {
  const size = sizeOf(form);
  if (size) return size;
  throw invalid(
    `Unknown form ${JSON.stringify(form)}. Choose 五绝, 七绝, 五律, 七律, or LxC such as 6x4 (up to ${MAX_LINES}x${MAX_WIDTH}).`,
    'form',
  );
}

function sizeOf(form: string): readonly [lines: number, width: number] | undefined {
  if (Object.hasOwn(FIXED_FORMS, form)) return FIXED_FORMS[form];
  const [, lines, width] = /^(\d{1,2})[x×](\d{1,2})$/.exec(form)?.map(Number) ?? [];
  return width && lines && width <= MAX_WIDTH && lines <= MAX_LINES ? [lines, width] : undefined;
}

function invalid(message: string, option: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', message, { option });
}
