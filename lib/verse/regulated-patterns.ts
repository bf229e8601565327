/**
 * Templates of regulated verse (近体诗), after 王力《诗词格律》: the couplets of which all forms consist. Each is followed by
 * its variants (拗救): 平平仄平仄 for 平平平仄仄, and a level third character that makes up for an oblique first one (孤平).
 * 仄仄仄仄仄，平平平仄平 is accepted by `checkPoem`, but not written: it sounds like a mistake to most readers.
 */

/** A form as its couplets: those of 仄起, those of 平起, and the first ones of a poem whose first line rhymes. */
type Couplets = Readonly<{ oblique: string; level: string; obliqueRhymed: string; levelRhymed: string }>;

const FIVE: Couplets = {
  oblique: '中仄中平仄，平平仄仄平韵。|中仄中平仄，中平平仄平韵。',
  level: '中平平仄仄，中仄仄平平韵。|平平仄平仄，中仄仄平平韵。',
  obliqueRhymed: '中仄仄平平韵，平平仄仄平韵。|中仄仄平平韵，中平平仄平韵。',
  levelRhymed: '平平仄仄平韵，中仄仄平平韵。|中平平仄平韵，中仄仄平平韵。',
};
const SEVEN: Couplets = {
  oblique: '中平中仄中平仄，中仄平平仄仄平韵。|中平中仄中平仄，中仄中平平仄平韵。',
  level: '中仄中平平仄仄，中平中仄仄平平韵。|中仄平平仄平仄，中平中仄仄平平韵。',
  obliqueRhymed: '中平中仄仄平平韵，中仄平平仄仄平韵。|中平中仄仄平平韵，中仄中平平仄平韵。',
  levelRhymed: '中仄平平仄仄平韵，中平中仄仄平平韵。|中仄中平平仄平韵，中平中仄仄平平韵。',
};

/**
 * The patterns of regulated verse of a number of couplets. In each, couplets that begin 仄仄 and 平平 alternate.
 *
 * @param width Characters per line: 5 or 7.
 */
export function regulatedTemplates(width: 5 | 7, couplets: number): string[] {
  const { oblique, level, obliqueRhymed, levelRhymed } = width === 5 ? FIVE : SEVEN;
  const poem = (first: string, ...others: readonly [string, string]) =>
    [first, ...Array.from({ length: couplets - 1 }, (_, i) => others[i % 2])].join('\n');
  return [
    poem(oblique, level, oblique),
    poem(level, oblique, level),
    poem(obliqueRhymed, level, oblique),
    poem(levelRhymed, oblique, level),
  ];
}
