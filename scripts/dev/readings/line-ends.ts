/** Minimum number of occurrences to judge a character by. */
const ENOUGH = 100;
/** Share at the end of lines below which a character hardly ends one. A random position is the last in 18 of 100 cases. */
const RARE_AT_END = 0.03;

/** Characters with which poets hardly ever end a line, such as 不 未 可, or the first half of 鹦鹉. */
export function innerCharacters(poems: readonly (readonly string[])[]): string {
  const all = new Map<string, number>();
  const ends = new Map<string, number>();
  const add = (counts: Map<string, number>, char: string) => counts.set(char, (counts.get(char) ?? 0) + 1);
  for (const line of poems.flat().map((text) => [...text])) {
    if (line.length !== 5 && line.length !== 7) continue;
    for (const char of line) add(all, char);
    add(ends, line.at(-1) as string);
  }
  return [...all]
    .filter(([char, count]) => count >= ENOUGH && (ends.get(char) ?? 0) < RARE_AT_END * count)
    .map(([char]) => char)
    .filter((char) => /\p{Script=Han}/u.test(char))
    .sort()
    .join('');
}
