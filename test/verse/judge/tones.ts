/** Whether the tones of a poem follow one of the two patterns of regulated verse. */
import type { Readings } from './guangyun';
import { keyPositions, rhymes, STARTS, wantsLevel } from './scheme';

type ReadingsOf = (char: string) => Readings;

/** What is wrong with the tones; empty if nothing is. Lines count from 1, as in 'line 2 ends …'. */
export function toneFaults(lines: readonly string[][], readingsOf: ReadingsOf): string[] {
  return [...endFaults(lines, readingsOf), ...patternFaults(lines, readingsOf)];
}

/** Lines that rhyme end level, the others oblique; the first line of the poem may end in either. */
function endFaults(lines: readonly string[][], readingsOf: ReadingsOf): string[] {
  return lines.flatMap((line, i) => {
    const end = line.at(-1) as string;
    if (i === 0 || fits(readingsOf(end), rhymes(i))) return [];
    return [`line ${i + 1} ends in ${end}, which is not ${rhymes(i) ? 'level' : 'oblique'}`];
  });
}

/** Each line must fit a pattern, and all the same one. */
function patternFaults(lines: readonly string[][], readingsOf: ReadingsOf): string[] {
  const faults: string[] = [];
  let possible: readonly boolean[] = STARTS;
  for (const [i, line] of lines.entries()) {
    const starts = STARTS.filter((start) => lineFits(line, i, start, readingsOf));
    if (starts.length === 0) {
      faults.push(`line ${i + 1} does not alternate: ${line.join('')}`);
      continue;
    }
    possible = possible.filter((start) => starts.includes(start));
    if (possible.length > 0) continue;
    faults.push(
      `line ${i + 1} ${rhymes(i) ? 'is not opposite (对)' : 'does not adhere (粘)'} to the lines before`,
    );
    possible = starts;
  }
  return faults;
}

function lineFits(line: readonly string[], i: number, start: boolean, readingsOf: ReadingsOf): boolean {
  const readings = line.map(readingsOf);
  const regular = keyPositions(line.length).every((at) => fits(readings[at], wantsLevel(i, at, start)));
  return regular || isVariant(readings, i, start);
}

/**
 * 平平仄平仄 instead of 平平平仄仄, in a line that does not rhyme; in lines of 7, the last five characters. The first of them
 * must be level: in the corpus it is ten times as often as not, while in 平平平仄仄 it is free.
 */
function isVariant(readings: readonly Readings[], i: number, start: boolean): boolean {
  const before = keyPositions(readings.length).slice(0, -1);
  return (
    !rhymes(i) &&
    wantsLevel(i, readings.length - 4, start) &&
    before.every((at) => fits(readings[at], wantsLevel(i, at, start))) &&
    [true, true, false, true, false].every((level, at) => fits(readings.at(at - 5), level))
  );
}

function fits(readings: Readings | undefined, level: boolean): boolean {
  return (level ? readings?.level : readings?.oblique) === true;
}
