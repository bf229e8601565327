const OPEN = '(（【〖〔〘';
const CLOSE = ')）】〗〕〙';

/**
 * Removes notes in brackets, such as （一作某）, which may be nested. Keeps an editor's restoration, [某], without its
 * brackets, and footnote numbers in square brackets unchanged. Undefined if brackets do not match.
 */
export function withoutNotes(text: string): string | undefined {
  let depth = 0;
  let body = '';
  for (const char of text) {
    if (OPEN.includes(char)) depth++;
    else if (CLOSE.includes(char)) depth--;
    else if (depth === 0) body += char;
    if (depth < 0) return undefined;
  }
  if (depth > 0) return undefined;
  return body.replace(/\[(\p{Unified_Ideograph}+)\]/gu, (whole, inside: string) =>
    /^[一二三四五六七八九十百]+$/.test(inside) ? whole : inside,
  );
}
