import type { FormRules } from './form-options';

/** A class of tones: 平 or 仄. */
export type Tone = 'level' | 'oblique';

/** What distinguishes the regulated patterns of a form: everything else follows from it. */
export type TonePattern = Readonly<{
  /** Whether the second character of the first line is level. */
  secondIsLevel: boolean;
  /** Whether the first line rhymes. */
  firstRhymes: boolean;
}>;

/** The patterns that the rules allow. */
export function tonePatterns({ rhyme, tone }: FormRules): TonePattern[] {
  const seconds = tone === 'off' ? [true] : [true, false];
  const firsts = rhyme ? [true, false] : [false];
  return seconds.flatMap((secondIsLevel) => firsts.map((firstRhymes) => ({ secondIsLevel, firstRhymes })));
}

/** Whether the character rhymes: the last one of even lines, and in some patterns of the first line. */
export function rhymesAt(
  { rhyme, width }: FormRules,
  { firstRhymes }: TonePattern,
  line: number,
  index: number,
): boolean {
  return rhyme && index === width - 1 && (line % 2 === 1 || (line === 0 && firstRhymes));
}

/** The required tone of a character; undefined if both are allowed. */
export function toneAt(
  rules: FormRules,
  pattern: TonePattern,
  line: number,
  index: number,
): Tone | undefined {
  const last = rules.width - 1;
  // A first line that ends in a level tone without rhyming would sound like a mistake.
  if (rules.rhyme && line === 0 && index === last && !pattern.firstRhymes) return 'oblique';
  if (rules.tone === 'off') return undefined;
  const level = patternAt(pattern, last, line, index);
  if (level !== undefined) return toTone(level);
  return rules.tone === 'strict' ? strictToneAt(pattern, last, line, index) : undefined;
}

/** True for level, undefined for positions that the pattern leaves free. */
function patternAt(pattern: TonePattern, last: number, line: number, index: number): boolean | undefined {
  // Even lines end in a level tone, odd lines in an oblique one, except for a first line that rhymes.
  if (index === last) return line % 2 === 1 || (line === 0 && pattern.firstRhymes);
  if (index % 2 === 0) return undefined;
  // The lines of a couplet oppose each other; neighbouring couplets agree.
  const second = pattern.secondIsLevel === (Math.floor((line + 1) / 2) % 2 === 0);
  return second === (index % 4 === 1);
}

function strictToneAt(pattern: TonePattern, last: number, line: number, index: number): Tone | undefined {
  const end = patternAt(pattern, last, line, last);
  const beforeEnd = patternAt(pattern, last, line, last - 1);
  // No isolated 平 in a line that ends in a level tone.
  if (index === last - 4 && end && !beforeEnd) return 'level';
  // No three equal tones at the end.
  return index === last - 2 && beforeEnd === end ? toTone(!end) : undefined;
}

function toTone(level: boolean): Tone {
  return level ? 'level' : 'oblique';
}
