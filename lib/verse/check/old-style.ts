import { type RhymeBook, rhymeBook } from '../rhyme-book';
import type { Fault, Findings, Place } from './findings';
import type { Lines } from './lines';

/**
 * Checks old-style verse (古体诗): each even line rhymes with the one before or after, in any tone. Rhymes may change.
 *
 * @param lines An even number of lines, by the 词林正韵, whose parts unite neighbouring groups. Where they divide a group
 * of the 平水韵, such as 元, its characters rhyme, too.
 */
export function checkOldStyle(lines: Lines): Findings {
  const books = lines.book.name === '词林正韵' ? [lines.book, rhymeBook('平水韵')] : [lines.book];
  const even = lines.chars.flatMap((_, line) => (line % 2 === 1 ? [lines.at(line, -1)] : []));
  const faults = even.flatMap((place, i): Fault[] => {
    if (lines.readings(place).length === 0) return [{ ...place, term: '读音不详' }];
    const others = [even[i - 1], even[i + 1]].filter((other) => other !== undefined);
    return others.some((other) => books.some((book) => shared(book, place, other) !== undefined))
      ? []
      : [{ ...place, term: '落韵' }];
  });
  const groups = even.slice(1).map((place, i) => shared(lines.book, even[i] as Place, place));
  return {
    rhymes: [...new Set(groups)]
      .filter((group) => group !== undefined)
      .map((group) => lines.groupName(group)),
    rhyming: even.map(({ line }) => line),
    faults,
    remarks: [],
  };
}

/** The group in which two characters rhyme with each other; their tones must agree. */
function shared(book: RhymeBook, a: Place, b: Place): number | undefined {
  return book
    .readings(a.found)
    .find((reading) =>
      book.readings(b.found).some(({ tone, group }) => tone === reading.tone && group === reading.group),
    )?.group;
}
