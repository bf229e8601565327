import { themeTable } from './theme-table';

/** Titles of poems of Tang and Song, built by `npm run themes`. */
export type ThemeTable = Readonly<{
  /** What poets called things of today. */
  modern: Readonly<Record<string, string>>;
  /** Those that several poems have. */
  titles: readonly string[];
  /** Characters that many titles have. */
  usual: string;
  /** For other characters, indices of the titles whose poems have them more often than other poems. */
  chars: Readonly<Record<string, readonly number[]>>;
}>;

/**
 * A title for a theme: words, separated by spaces or punctuation. What is of today is replaced by what poets called it.
 * Characters that titles hardly have are left out; a word of such characters alone is replaced by the title whose poems
 * have them.
 *
 * @returns Empty if nothing is known about the theme.
 * @example
 * titleForTheme('中秋 想念 妈妈'); // '中秋相思忆母'
 */
export function titleForTheme(theme: string): string {
  const words = theme.split(/\P{Unified_Ideograph}+/u).filter((word) => word !== '');
  const { modern } = themeTable();
  const parts = words.map((word) => modern[word] ?? titleForWord(word));
  return [...new Set(parts)].join('');
}

/** Its characters that titles have or, if there are none, the title to which most of its characters belong. */
function titleForWord(word: string): string {
  const kept = [...word].filter((char) => usual().has(char)).join('');
  if (kept !== '') return kept;
  const { titles, chars } = themeTable();
  const votes = new Map<number, number>();
  for (const index of [...word].flatMap((char) => chars[char] ?? []))
    votes.set(index, (votes.get(index) ?? 0) + 1);
  const [best] = [...votes].sort(([, a], [, b]) => b - a);
  return best === undefined ? '' : (titles[best[0]] as string);
}

let usualCharacters: ReadonlySet<string> | undefined;

function usual(): ReadonlySet<string> {
  usualCharacters ??= new Set(themeTable().usual);
  return usualCharacters;
}
