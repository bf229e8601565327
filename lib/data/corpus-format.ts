import { TangshiError } from '../util/errors';
import { detectTable } from './poem-table';

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

/**
 * Detects the format from the beginning of a file.
 *
 * @param head Complete lines.
 * @throws ERR_TANGSHI_CORPUS if no format fits, so that the model does not learn from something other than poems.
 */
export function detectFormat(head: string, path: string): CorpusFormat {
  if (/^\s*(\[\s*[[{"\]]|\{\s*["}])/.test(head)) return isJsonLines(head) ? 'jsonl' : 'json';
  const rows = head.split(/\r\n?|\n/).filter((row) => row.trim() !== '');
  if (detectTable(head, path) !== undefined) return 'table';
  if (rows.filter((row) => /[:：]/.test(row)).length * 2 > rows.length) return 'titled';
  if (isBlocks(head)) return 'blocks';
  refuseWrapped(rows, path);
  return 'lines';
}

/** Whether the first line is a complete JSON value, and the second starts another one. */
function isJsonLines(head: string): boolean {
  const [first = '', second] = head
    .replace(/^\uFEFF/, '')
    .split(/\s*\n\s*/)
    .filter(Boolean);
  if (second === undefined || !/^[[{]/.test(second)) return false;
  try {
    JSON.parse(first);
    return true;
  } catch {
    return false;
  }
}

/** Characters of a 五绝, the shortest form. */
const SHORTEST_POEM = 20;

/** Whether most of the poems between blank lines have several lines, none of which is a complete poem. */
function isBlocks(head: string): boolean {
  const blocks = head
    .replace(/\r\n?/g, '\n')
    .split(/\n\s*\n/)
    .map((block) => block.split('\n').filter((row) => row.trim() !== ''))
    .filter((rows) => rows.length > 0);
  const several = blocks.filter((rows) => rows.length > 1 && rows.some(isPartOfPoem));
  return blocks.length > 1 && several.length * 2 > blocks.length;
}

function isPartOfPoem(row: string): boolean {
  return isTorn(row) || isShort(row);
}

/** Whether a row ends within a sentence. Poems may lack the final punctuation mark. */
function isTorn(row: string): boolean {
  if (/[，；：、][^\p{Script=Han}]*$/u.test(row)) return true;
  return isShort(row) && /[，。？！；：、]/u.test(row) && !/[。？！][^\p{Script=Han}]*$/u.test(row);
}

function isShort(row: string): boolean {
  return (row.match(/\p{Script=Han}/gu)?.length ?? 0) < SHORTEST_POEM;
}

/** With fewer rows, the format cannot be detected. */
const MIN_ROWS = 8;

/** Poems in several rows without blank lines between them cannot be separated. */
function refuseWrapped(rows: readonly string[], path: string): void {
  if (rows.length < MIN_ROWS) return;
  if (rows.filter(isTorn).length * 3 < rows.length) return;
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `Most lines of ${path} are parts of a sentence: separate the poems by blank lines, put each on one line, ` +
      'or set format to lines',
    { option: 'format' },
  );
}
