import { TangshiError } from '../util/errors';
import type { CorpusFormat } from './corpus-format';
import { detectTable } from './poem-table';

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
  if (rows.filter((row) => /[:：]|^\s*《[^《》]*》./u.test(row)).length * 2 > rows.length) return 'titled';
  if (isBlocks(head)) return 'blocks';
  refuseWrapped(rows, path);
  return 'lines';
}

/** Whether the first line is a complete JSON value, and the second starts another one. */
function isJsonLines(head: string): boolean {
  const [first = '', second] = head
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.trim())
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

/** Poems in several rows without blank lines between them cannot be separated, nor can titles and poems. */
function refuseWrapped(rows: readonly string[], path: string): void {
  if (rows.length < MIN_ROWS) return;
  const problem = hasMany(rows, isTorn, 3)
    ? 'are parts of a sentence'
    : hasMany(rows, isHeading, 4) && hasMany(rows, (row) => !isHeading(row), 4)
      ? 'look like titles'
      : undefined;
  if (problem === undefined) return;
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `Many lines of ${path} ${problem}: separate the poems by blank lines, put each on one line, or set format to lines`,
    { option: 'format' },
  );
}

/** Whether at least one row in `every` is such a row. */
function hasMany(rows: readonly string[], is: (row: string) => boolean, every: number): boolean {
  return rows.filter(is).length * every >= rows.length;
}

function isHeading(row: string): boolean {
  return isShort(row) && !/[，。？！；：、,.?!;:]/u.test(row);
}
