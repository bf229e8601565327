/** Number of neighbours on each side in the order of pronunciation. */
const NEIGHBOURS = 2;

/**
 * Characters that sound like a given one in Mandarin: its neighbours in pinyin order (by syllable, tone and strokes, as
 * in ICU collation). For a syllable with few characters, neighbours may only sound similar.
 */
export function similarSound(char: string, characters: readonly string[]): string[] {
  const { compare } = new Intl.Collator('zh-u-co-pinyin');
  const sorted = characters.filter((other) => /^\p{Script=Han}$/u.test(other)).sort(compare);
  const position = sorted.findIndex((other) => compare(other, char) >= 0);
  const end = position < 0 ? sorted.length : position;
  return sorted.slice(Math.max(0, end - NEIGHBOURS), end + NEIGHBOURS);
}
