import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TangshiError, throwIfAborted } from '../util/errors';
import { requireChoice, requireObject, requireString } from '../util/guards';
import { CORPUS_FORMATS, type CorpusFormat } from './corpus-format';
import { BUILTIN_CORPORA } from './corpus-recipes';
import { detectFormat } from './detect-format';
import { decoderOf, ENCODINGS, type Encoding, encodingOf } from './encoding';
import { LineSplitter, MAX_LINE } from './line-splitter';
import { poemsInJson } from './poem-json';
import { joinRows, withoutHeading } from './poem-rows';
import { detectTable, readTable } from './poem-table';

/** A record of a corpus, not cleaned. */
export type CorpusRecord = Readonly<{
  /** Format of the file. */
  format: CorpusFormat;
  /** `titled`: the line, with its title. Other formats: the poem. Empty if `fault` is set. */
  text: string;
  /** Number of the line in a text file (the first one for `blocks`), or of the poem in a table or JSON file. From 1. */
  line: number;
  /** Why the text could not be read: longer than `MAX_LINE`, or not in the format of the file. */
  fault?: 'too-long' | 'format';
  /** The most characters of a poem under `modern`. Default: 80. */
  maxLength?: number;
}>;

/** How to read a corpus. */
export type ReadOptions = Readonly<{
  /** Format of the file. Default: detected from the first 64 KiB. */
  format?: CorpusFormat;
  /** Encoding of the file. Default: UTF-8, or UTF-16 if it begins with a byte order mark. */
  encoding?: Encoding;
  /** Abort to stop reading. */
  signal?: AbortSignal;
}>;

const CHUNK_BYTES = 2 ** 16;
const MAX_JSON_BYTES = 400 * 2 ** 20; // a JavaScript string has at most 512 Mi units

/**
 * Streams the records of a file, or of the `*.json` files in a folder. Lines end with \n, \r\n or \r; invalid bytes become
 * U+FFFD, which cleaning rejects. Holds one chunk of text, or one JSON file, in memory.
 *
 * @param options `format`: format of the file; default: detected. `encoding`: default: UTF-8. `signal`: abort to stop.
 * @throws ERR_TANGSHI_CORPUS if the path cannot be read, or its content does not match `format` or `encoding`. AbortError
 * @example
 * for await (const { text, line } of readCorpus('poems.txt', { format: 'titled' })) console.log(line, text);
 */
export async function* readCorpus(path: string, options: ReadOptions = {}): AsyncGenerator<CorpusRecord> {
  requireString(path, 'path');
  requireObject(options, 'options');
  requireChoice(options.format, CORPUS_FORMATS, 'format');
  requireChoice(options.encoding, ENCODINGS, 'encoding');
  throwIfAborted(options.signal);
  const file = await open(path, 'r').catch((error: unknown) => fail(path, error));
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) yield* readFolder(path, options);
    else if (stat.isFile() || stat.isFIFO()) yield* readFile(file, path, options);
    else
      throw new TangshiError(
        'ERR_TANGSHI_CORPUS',
        `${path} is not a file: choose a text or JSON file of poems`,
      );
  } finally {
    await file.close();
  }
}

async function* readFolder(path: string, options: ReadOptions): AsyncGenerator<CorpusRecord> {
  const entries = await readdir(path).catch((error: unknown) => fail(path, error));
  const names = entries.filter((name) => name.endsWith('.json')).sort();
  if (names.length === 0)
    throw new TangshiError('ERR_TANGSHI_CORPUS', `${path} is a folder without .json files: choose a file`);
  for (const name of names) yield* readCorpus(join(path, name), { ...options, format: 'json' });
}

async function* readFile(file: FileHandle, path: string, options: ReadOptions): AsyncGenerator<CorpusRecord> {
  const first = await readChunk(file, path);
  const encoding = encodingOf(first, path, options.encoding);
  const complete = first.length < CHUNK_BYTES;
  const head = decoderOf(encoding).decode(first, { stream: !complete });
  const lines = complete ? head : withoutLastLine(head);
  const format = options.format ?? detectFormat(lines, path);
  yield* readAs[format](decode(file, path, first, encoding, options.signal), path, lines);
}

/** The chunk may have cut off the last line. */
function withoutLastLine(head: string): string {
  const end = Math.max(head.lastIndexOf('\n'), head.lastIndexOf('\r'));
  return end < 0 ? head : head.slice(0, end);
}

/** Reads a full chunk, or the rest of the file: a pipe returns less at a time. */
async function readChunk(file: FileHandle, path: string): Promise<Buffer> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let length = 0;
  while (length < CHUNK_BYTES) {
    const rest = CHUNK_BYTES - length;
    const { bytesRead } = await file
      .read(chunk, length, rest, null)
      .catch((error: unknown) => fail(path, error));
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return chunk.subarray(0, length);
}

async function* decode(
  file: FileHandle,
  path: string,
  first: Buffer,
  encoding: Encoding,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const decoder = decoderOf(encoding);
  for (let chunk = first; chunk.length > 0; chunk = await readChunk(file, path)) {
    throwIfAborted(signal);
    yield decoder.decode(chunk, { stream: true });
  }
  yield decoder.decode();
}

/** @param head The beginning of the text. */
type Reader = (chunks: AsyncIterable<string>, path: string, head: string) => AsyncGenerator<CorpusRecord>;

const readAs: Readonly<Record<CorpusFormat, Reader>> = {
  titled: (chunks) => readLines(chunks, 'titled'),
  lines: (chunks) => readLines(chunks, 'lines'),
  blocks: readBlocks,
  table: readTableRows,
  json: readJson,
  jsonl: readJsonLines,
};

/** A line without its end; `text` is undefined if it is longer than `MAX_LINE`. */
type Line = Readonly<{ line: number; text: string | undefined }>;

/** The lines of each chunk, numbered from 1. */
async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<Line[]> {
  const splitter = new LineSplitter();
  let line = 0;
  const numbered = (texts: Iterable<string | undefined>) =>
    Array.from(texts, (text) => ({ line: ++line, text }));
  for await (const chunk of chunks) yield numbered(splitter.push(chunk));
  yield numbered(splitter.end());
}

async function* readLines(
  chunks: AsyncIterable<string>,
  format: 'titled' | 'lines',
): AsyncGenerator<CorpusRecord> {
  for await (const lines of linesOf(chunks))
    for (const { line, text } of lines)
      yield text === undefined ? tooLong(format, line) : { format, text, line };
}

async function* readBlocks(chunks: AsyncIterable<string>): AsyncGenerator<CorpusRecord> {
  let block: Block | undefined;
  for await (const lines of linesOf(chunks)) {
    for (const { line, text } of lines) {
      if (text?.trim() === '') {
        if (block) yield blockRecord(block);
        block = undefined;
        continue;
      }
      block ??= { line, rows: [], length: 0 };
      block.length += text?.length ?? Number.POSITIVE_INFINITY;
      if (block.length <= MAX_LINE) block.rows.push(text as string);
    }
  }
  if (block) yield blockRecord(block);
}

type Block = { line: number; rows: string[]; length: number };

function blockRecord({ line, rows, length }: Block): CorpusRecord {
  const format = 'blocks';
  if (length > MAX_LINE) return tooLong(format, line);
  // A single row without punctuation is a heading.
  if (rows.length === 1 && !/[，。？！；：、,.?!;:]/.test(rows[0] as string))
    return { format, text: '', line, fault: 'format' };
  return { format, text: joinRows(withoutHeading(rows)), line };
}

async function* readTableRows(
  chunks: AsyncIterable<string>,
  path: string,
  head: string,
): AsyncGenerator<CorpusRecord> {
  const table = detectTable(head, path);
  if (table === undefined)
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      `${path} is not a table in which one column has the poems: name it content in a first row, or omit format`,
      { option: 'format' },
    );
  let line = 0;
  for await (const poem of readTable(chunks, table, path)) yield toRecord('table', poem, ++line);
}

async function* readJson(chunks: AsyncIterable<string>, path: string): AsyncGenerator<CorpusRecord> {
  let line = 0;
  for (const poem of poemsInJson(parseJson(await readWhole(chunks, path), path)))
    yield toRecord('json', poem, ++line);
}

async function readWhole(chunks: AsyncIterable<string>, path: string): Promise<string> {
  const pieces: string[] = [];
  let bytes = 0;
  for await (const piece of chunks) {
    bytes += Buffer.byteLength(piece);
    if (bytes > MAX_JSON_BYTES)
      throw new TangshiError(
        'ERR_TANGSHI_CORPUS',
        `${path} is a JSON file of more than ${MAX_JSON_BYTES / 2 ** 20} MiB: split it, or write one object per line`,
      );
    pieces.push(piece);
  }
  return pieces.join('');
}

async function* readJsonLines(chunks: AsyncIterable<string>, path: string): AsyncGenerator<CorpusRecord> {
  for await (const lines of linesOf(chunks)) {
    for (const { line, text } of lines) {
      if (text === undefined) yield tooLong('jsonl', line);
      else if (text.trim() !== '')
        for (const poem of poemsInJson(parseJson(text, `${path}:${line}`)))
          yield toRecord('jsonl', poem, line);
    }
  }
}

function toRecord(format: CorpusFormat, text: string | undefined, line: number): CorpusRecord {
  return text === undefined ? { format, text: '', line, fault: 'format' } : { format, text, line };
}

function tooLong(format: CorpusFormat, line: number): CorpusRecord {
  return { format, text: '', line, fault: 'too-long' };
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      `${where} is not valid JSON (${reason}): fix it, or set format`,
      { cause: error, option: 'format' },
    );
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: `no such file. Choose a path, or one of ${BUILTIN_CORPORA.join(', ')}.`,
  ENOTDIR: 'a part of the path is not a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'the symbolic link is circular',
};

function fail(path: string, error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = REASONS[code] ?? (error instanceof Error ? error.message : String(error));
  throw new TangshiError('ERR_TANGSHI_CORPUS', `Cannot read the corpus ${path}: ${reason}`, { cause: error });
}
