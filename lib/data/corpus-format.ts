/** The formats of a corpus; docs/data.md describes them. */
export const CORPUS_FORMATS = ['titled', 'lines', 'blocks', 'table', 'json', 'jsonl'] as const;
/**
 * - `titled`: one poem per line, `title:content`
 * - `lines`: one poem per line
 * - `blocks`: poems of several lines, separated by blank lines
 * - `table`: columns separated by commas (CSV), tabs, `::` or `:`
 * - `json`: objects with `paragraphs`, `content` or the like at any depth; or an array of strings
 * - `jsonl`: one such object per line
 */
export type CorpusFormat = (typeof CORPUS_FORMATS)[number];
