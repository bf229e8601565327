import { CI_PATTERNS } from '../ci-patterns';
import { COUPLET, namedPatterns } from '../form-patterns';
import { type RhymeBook, rhymeBook } from '../rhyme-book';
import { Lines } from './lines';
import { checkTemplate, fitOf } from './template';

const CI_NAMES = Object.keys(CI_PATTERNS);
/** Highest number of faults for which a poem that could be old-style verse, or is divided differently, counts as a ci. */
const FAULTS_OF_A_CI = 2;
/** Longer texts with equal halves are more often something else. */
const LINES_OF_A_COUPLET = 4;

/** The form of a poem by the lengths of its lines; undefined if no form has them. */
export function formOfShape(chars: readonly string[][], book: RhymeBook): string | undefined {
  const lengths = chars.map(({ length }) => length);
  const [width] = lengths;
  const isEven = lengths.length % 2 === 0 && lengths.every((length) => length === width);
  if (isEven && lengths.length >= 4 && (width === 5 || width === 7)) {
    const size = width === 5 ? '五' : '七';
    const kind = { 4: '绝', 8: '律' }[lengths.length] ?? (lengths.length >= 10 ? '排' : undefined);
    if (kind !== undefined && rhymesInLevelTones(new Lines(chars, book))) return size + kind;
    const ci = ciOfLengths(chars);
    return ci && ci.faults <= FAULTS_OF_A_CI ? ci.name : `${size}古`;
  }
  const ci = ciOfLengths(chars);
  if (ci) return ci.name;
  const isHan = chars.flat().every((char) => /^\p{Script=Han}$/u.test(char));
  return isHan && lengths.length <= LINES_OF_A_COUPLET && hasEqualHalves(lengths) ? COUPLET : undefined;
}

/** Whether the second half of the lines has the lengths of the first. */
export function hasEqualHalves(lengths: readonly number[]): boolean {
  const half = lengths.length / 2;
  return half >= 1 && lengths.every((length, i) => length === lengths[(i + half) % lengths.length]);
}

/** Whether most even lines end in a level tone; of two, one is enough. */
function rhymesInLevelTones(lines: Lines): boolean {
  const even = lines.chars.flatMap((_, line) => (line % 2 === 1 ? [lines.at(line, -1)] : []));
  return (
    2 * even.filter((place) => lines.isUsually(place, 'level')).length >=
    (even.length > 2 ? even.length + 1 : even.length)
  );
}

/** The ci with these lines, and its faults; of several, the one with the fewest. */
function ciOfLengths(chars: readonly string[][]): Readonly<{ name: string; faults: number }> | undefined {
  const lines = new Lines(chars, rhymeBook('词林正韵'));
  const found = CI_NAMES.flatMap((name) =>
    namedPatterns(name).map((pattern) => ({ name, pattern, fit: fitOf(lines, pattern) })),
  );
  const exact = found.filter(({ fit }) => fit === 'exact');
  const candidates = (exact.length > 0 ? exact : found.filter(({ fit }) => fit === 'divided')).map(
    ({ name, pattern, fit }) => ({ name, fit, faults: checkTemplate(lines, pattern, false).faults.length }),
  );
  const [first, ...others] = candidates.filter(
    ({ fit, faults }) => fit === 'exact' || faults <= FAULTS_OF_A_CI,
  );
  return first && others.reduce((best, other) => (other.faults < best.faults ? other : best), first);
}
