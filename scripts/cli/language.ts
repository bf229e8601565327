/** The languages of help and messages. */
export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

let current = detectLanguage(process.argv.slice(2), process.env);

/** The text in the user's language. */
export function t(en: string, zh: string): string {
  return current === 'zh' ? zh : en;
}

/** The user's language. */
export function language(): Language {
  return current;
}

/** For everything that is said from now on. */
export function useLanguage(chosen: Language): void {
  current = chosen;
}

/** The language of `--lang`, otherwise of the locale, by the precedence of POSIX. */
export function detectLanguage(
  args: readonly string[],
  { LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv,
): Language {
  const index = args.findIndex((arg) => arg === '--lang' || arg.startsWith('--lang='));
  const flag = args[index]?.split('=')[1] ?? args[index + 1];
  const given = index < 0 ? undefined : LANGUAGES.find((known) => known === flag);
  return given ?? (/^zh/i.test(LC_ALL || LC_MESSAGES || LANG || '') ? 'zh' : 'en');
}
