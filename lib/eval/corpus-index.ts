import { versesOf } from '../data/line-filter';

/** Finds lines and passages of a corpus. */
export class CorpusIndex {
  readonly #lines: ReadonlySet<string>;
  /** One line per line, a blank line between poems. */
  readonly #text: string;

  constructor(poems: readonly string[]) {
    this.#lines = new Set(poems.flatMap(versesOf));
    this.#text = poems.map((poem) => versesOf(poem).join('\n')).join('\n\n');
  }

  /** @param line Without punctuation. */
  hasLine(line: string): boolean {
    return this.#lines.has(line);
  }

  /** Length of the longest passage of the poem that occurs in the corpus; it may span lines. */
  longestCopy(poem: string): number {
    const text = versesOf(poem).join('\n');
    let longest = 0;
    for (let begin = 0; begin + longest < text.length; begin++) {
      while (begin + longest < text.length && this.#text.includes(text.slice(begin, begin + longest + 1)))
        longest++;
    }
    return longest;
  }
}
