import { pipeline } from 'node:stream';
import { CsvError, parse as streamRows } from 'csv-parse';
import { parse as parseRows } from 'csv-parse/sync';
import { TangshiError } from '../util/errors';
import { contentNames } from './content-names';
import { MAX_LINE } from './line-splitter';

/** Layout of a table of poems. */
export type Table = Readonly<{
  delimiter: string;
  /** Number of columns. */
  width: number;
  /** Index of the column with the poems. */
  column: number;
  /** Whether the first row contains the names of the columns. */
  header: boolean;
}>;

/** Longest first: `::` before `:`. A line of two columns with `:` is `title:content`. */
const DELIMITERS = [
  { delimiter: '\t', columns: 2 },
  { delimiter: '::', columns: 2 },
  { delimiter: ',', columns: 2 },
  { delimiter: ';', columns: 2 },
  { delimiter: ':', columns: 3 },
] as const;
/** Fraction of the rows that must have the same number of columns, or a poem in the same column. */
const MOST = 0.9;

/**
 * Detects a table and the column with the poems: by its name in the first row, or as the only column with punctuation.
 *
 * @param head Complete lines.
 * @throws ERR_TANGSHI_CORPUS for a table without such a column.
 */
export function detectTable(head: string, path: string): Table | undefined {
  for (const { delimiter, columns } of DELIMITERS) {
    const rows = rowsIn(head, delimiter);
    const width = rows[0]?.length ?? 0;
    if (rows.length < 2 || width < columns || share(rows, (row) => row.length === width) < MOST) continue;
    const [first = []] = rows;
    const [name] = contentNames(first);
    if (name !== undefined) return { delimiter, width, column: first.indexOf(name), header: true };
    const header = !first.some((cell) => MARKS.test(cell));
    const column = punctuatedColumn(header ? rows.slice(1) : rows, width);
    if (column !== undefined) return { delimiter, width, column, header };
    // Without punctuation, a comma or colon may be part of a poem, but a tab, two colons or a header may not.
    if (delimiter === '\t' || delimiter === '::' || first.some((cell) => HEADER.test(cell)))
      throw unclear(path);
  }
  return undefined;
}

/**
 * Yields the poem of each row; undefined for a row without one.
 *
 * @param text Chunks of a file.
 * @throws ERR_TANGSHI_CORPUS
 */
export async function* readTable(
  text: AsyncIterable<string>,
  { delimiter, width, column, header }: Table,
  path: string,
): AsyncGenerator<string | undefined> {
  const options = { ...optionsOf(delimiter), from: header ? 2 : 1 };
  const rows: AsyncIterable<string[]> = pipeline(text, streamRows(options), () => undefined);
  try {
    for await (const row of rows) yield cellOf(row);
  } catch (error) {
    if (error instanceof CsvError) throw damaged(error, path);
    throw error;
  }

  /** A delimiter within the last column is part of it. A row of another width is not one of the table. */
  function cellOf(row: readonly string[]): string | undefined {
    if (row.length > width && column === width - 1) return row.slice(column).join(delimiter);
    return row.length === width ? row[column] : undefined;
  }
}

/** The rows of the beginning of a table, up to one that is cut off or malformed. */
function rowsIn(head: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  const collect = (row: string[]) => {
    rows.push(row);
    return null;
  };
  try {
    parseRows(head, { ...optionsOf(delimiter), on_record: collect });
  } catch {
    // The rows before the error remain.
  }
  return rows;
}

function optionsOf(delimiter: string) {
  return {
    delimiter,
    bom: true,
    quote: delimiter.startsWith(':') ? false : '"',
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_LINE,
  } as const;
}

/** Names of columns without poems. */
const HEADER = /^\s*(标题|標題|题目|題目|诗题|作者|诗人|詩人|朝代|title|author|dynasty)\s*$/i;

/**
 * The only column with punctuation, within the text and not just at its end. Undefined if another column has lines of the
 * same length: then the delimiter is the punctuation of the poems.
 */
function punctuatedColumn(rows: readonly string[][], width: number): number | undefined {
  const columns = Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? ''));
  const punctuated = columns.filter((cells) => share(cells, (cell) => MARKS.test(cell)) > 1 - MOST);
  const [poems] = punctuated;
  if (poems === undefined || punctuated.length > 1 || share(poems, hasSeveralLines) < MOST) return undefined;
  const isLine = (cell: string, row: number) =>
    [...cell].length === [...((poems[row] as string).split(MARKS)[0] as string)].length;
  if (columns.some((cells) => cells !== poems && cells.filter(isLine).length * 2 > cells.length))
    return undefined;
  return columns.indexOf(poems);
}

const MARKS = /[，。？！；、]/u;

function hasSeveralLines(cell: string): boolean {
  return cell.split(MARKS).filter((line) => line !== '').length > 1;
}

function share<T>(items: readonly T[], has: (item: T) => boolean): number {
  return items.filter(has).length / items.length;
}

function unclear(path: string): TangshiError {
  return new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `${path} is a table, but none of its columns is clearly that of the poems: name it content in a first row, ` +
      'or set format to lines',
    { option: 'format' },
  );
}

function damaged(error: CsvError, path: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_CORPUS', `${path} is not a valid table (${error.message}): fix it`, {
    cause: error,
  });
}
