/** The same poems, each character replaced by one from elsewhere in them. */
export function shuffled(poems: readonly string[]): string[] {
  const all = [...poems.join('')].filter((char) => /\p{Script=Han}/u.test(char));
  let at = 0;
  const step = 7919; // prime, so that it visits characters of all poems
  return poems.map((text) =>
    text.replace(/\p{Script=Han}/gu, () => {
      at = (at + step) % all.length;
      return all[at] as string;
    }),
  );
}
