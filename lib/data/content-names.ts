/** Names of the column of a table, or the property of a JSON object, that has the poem. In order of preference. */
const CONTENT_NAMES = [
  'paragraphs',
  'content',
  'contents',
  'text',
  'poem',
  'body',
  'lines',
  '内容',
  '內容',
  '正文',
  '全文',
  '原文',
  '诗文',
  '詩文',
  '诗句',
  '詩句',
  '诗',
  '詩',
];

/** The name that stands for the poem; undefined if none does. Ignores case and white space around names. */
export function contentName(names: readonly string[]): string | undefined {
  const plain = names.map((name) =>
    name
      .replace(/^\uFEFF/, '')
      .trim()
      .toLowerCase(),
  );
  const found = CONTENT_NAMES.find((name) => plain.includes(name));
  return found === undefined ? undefined : names[plain.indexOf(found)];
}
