import { opposite, type Tone } from '../tone';
import type { Fault, Findings, Place, Remark } from './findings';
import type { Lines } from './lines';
import { inOrder } from './regulated';

/**
 * Checks a couplet (对联): at every second character and at the end, the tones of its halves are opposite. Strictly, also
 * at the end of each phrase, and the first half ends in an oblique tone.
 *
 * @param lines Two halves of the same number of lines, with the same lengths.
 */
export function checkCouplet(lines: Lines, strict: boolean): Findings {
  const half = lines.count / 2;
  const faults: Fault[] = [];
  const remarks: Remark[] = [];
  for (let line = 0; line < half; line++) {
    const last = (lines.chars[line]?.length ?? 0) - 1;
    for (let index = 0; index <= last; index++) {
      const isEnd = index === last && line === half - 1;
      if (!isEnd && (index % 2 === 0 || index === last) && !(strict && index === last)) continue;
      const [first, second] = [lines.at(line, index), lines.at(line + half, index)];
      const tone = opposedTone(lines, first, second);
      const swapped = index === last - 1 && index > 2 && isSwapped(lines, line, last);
      if (tone) remarks.push(...lines.remarkOn(first, tone), ...lines.remarkOn(second, opposite(tone)));
      // 平平仄平仄 for 平平平仄仄, as in regulated verse.
      else if (swapped) remarks.push({ ...first, term: '拗救', taken: '平' });
      else faults.push({ ...second, term: '失对', expected: lines.canBe(first, 'level') ? '仄' : '平' });
    }
  }
  const end = lines.at(half - 1, -1);
  if (strict && !lines.canBe(end, 'oblique')) faults.push(lines.wrongTone(end, 'oblique'));
  return { rhymes: [], rhyming: [], faults: inOrder(faults), remarks: inOrder(remarks) };
}

/** Whether a line ends in 平仄平 before its last character, as 平平仄平仄 does. */
function isSwapped(lines: Lines, line: number, last: number): boolean {
  const tones = ['level', 'oblique', 'level'] as const;
  return tones.every((tone, i) => lines.canBe(lines.at(line, last - 3 + i), tone));
}

/** The tone of a character if the other one can have the opposite tone; by common readings if possible. */
function opposedTone(lines: Lines, first: Place, second: Place): Tone | undefined {
  const tones = (['level', 'oblique'] as const).filter(
    (tone) => lines.canBe(first, tone) && lines.canBe(second, opposite(tone)),
  );
  const isUsual = (tone: Tone) => lines.isUsually(first, tone) && lines.isUsually(second, opposite(tone));
  return tones.find(isUsual) ?? tones[0];
}
