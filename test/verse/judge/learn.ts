/** Readings learned from the corpora. */
import { loadPoems } from '../../../lib/data/poems';
import { type Counts, countUsage } from './counts';
import { bookReadings, type Readings } from './guangyun';
import { weigh } from './weigh';

/** From the second round, characters such as 风, of which only one reading counts, are evidence as well. */
const ROUNDS = 3;

const NONE: Readings = { level: false, oblique: false, groups: new Set() };

/** The readings of every character of the corpora. */
export async function learnReadings(): Promise<(char: string) => Readings> {
  const poems = await corpusPoems();
  const book = new Map([...new Set(poems.join(''))].map((char) => [char, bookReadings(char)]));
  let readings: ReadonlyMap<string, Readings> = book;
  for (let round = 0; round < ROUNDS; round++) {
    readings = weighAll(
      book,
      countUsage(poems, (char) => readings.get(char) ?? NONE),
    );
  }
  return (char) => readings.get(char) ?? bookReadings(char);
}

function weighAll(book: ReadonlyMap<string, Readings>, counts: Counts): ReadonlyMap<string, Readings> {
  return new Map([...book].map(([char, readings]) => [char, weigh(readings, counts.get(char))]));
}

/** Both editions of the Tang poems. Most poems are in both: those with the same first line count once. */
async function corpusPoems(): Promise<string[]> {
  const { train } = await loadPoems({
    data: 'poems',
    extra: ['quantangshi'],
    cleaning: 'modern',
    heldOut: 0,
  });
  return [...new Map(train.map((text) => [/^\p{Script=Han}+/u.exec(text)?.[0], text])).values()];
}
