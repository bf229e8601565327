import { wrongArgument } from '../util/guards';
import type { PoemCheck, RhymeFault, ToneFault } from './check';

/**
 * Formats a check for people: each line with its tones below, rhymes marked; at the end, in brackets, the result.
 *
 * @throws ERR_TANGSHI_INVALID_ARG
 * @example
 * console.log(formatCheck(checkPoem('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。')));
 */
export function formatCheck(check: PoemCheck): string {
  if (!Array.isArray(check?.lines)) throw wrongArgument('what checkPoem returns', 'check', check);
  const { form, lines, rhyme, tone } = check;
  const results = [
    form ?? `not a regulated form: lines of ${lines.map(({ text }) => [...text].length).join(', ')}`,
    rhyme && (rhyme.ok ? `rhymes (${rhyme.groups.join('、')})` : `rhyme: ${listFaults(rhyme.faults)}`),
    tone && (tone.ok ? 'tones right' : `tones: ${listFaults(tone.faults)}`),
  ];
  const rows = lines.flatMap(({ text, tones, rhymes }) => [text, `${tones}${rhymes ? ' 韵' : ''}`]);
  return [...rows, `[${results.filter(Boolean).join(', ')}]`].join('\n');
}

function listFaults(faults: readonly (RhymeFault | ToneFault)[]): string {
  return faults.map(formatFault).join('; ');
}

/**
 * Describes a fault for people; lines and characters count from 1.
 *
 * @throws ERR_TANGSHI_INVALID_ARG
 * @example
 * formatFault({ rule: 'tone', line: 2, index: 3, expected: '平', found: '望' });
 * // 'line 3, character 4: 望 is not 平'
 */
export function formatFault(fault: RhymeFault | ToneFault): string {
  if (typeof fault?.rule !== 'string') throw wrongArgument('a fault that checkPoem found', 'fault', fault);
  return `line ${fault.line + 1}, character ${fault.index + 1}: ${describe(fault)}`;
}

function describe({ rule, expected, found }: RhymeFault | ToneFault): string {
  switch (rule) {
    case 'tone':
      return `${found} is not ${expected}`;
    case 'unknown-reading':
      return `the reading of ${found} is not known`;
    case 'no-level-rhyme':
      return `${found} has no level rhyme`;
    case 'rhyme-group':
      return `${found} does not rhyme in ${expected.join('、')}`;
    case 'repeated-rhyme':
      return `${found} rhymes with itself`;
    case 'first-line':
      return `${found} is level, but does not rhyme`;
  }
}
