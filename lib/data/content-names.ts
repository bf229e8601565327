/** Names of the column of a table, or the property of a JSON object, that contains the poem. In order of preference. */
const CONTENT_NAMES = [
  'paragraphs',
  'poem',
  'lines',
  '诗',
  '詩',
  '诗句',
  '詩句',
  '诗文',
  '詩文',
  'content',
  'contents',
  '内容',
  '內容',
  '正文',
  '全文',
  '原文',
  'text',
  'body',
];

/** The names that may identify the poem, in order of preference. Ignores case and white space around names. */
export function contentNames(names: readonly string[]): string[] {
  const plain = names.map((name) =>
    name
      .replace(/^\uFEFF/, '')
      .trim()
      .toLowerCase(),
  );
  return CONTENT_NAMES.flatMap((name) =>
    plain.includes(name) ? [names[plain.indexOf(name)] as string] : [],
  );
}
