import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { TangshiError, throwIfAborted } from '../util/errors';
import { BUILTIN_CORPORA } from './corpus-recipes';

/**
 * - `titled`: one poem per line, `title:content`
 * - `lines`: one poem per line
 * - `json`: as in chinese-poetry, objects with `paragraphs: string[]` at any depth
 */
export type CorpusFormat = 'titled' | 'lines' | 'json';

/** A record of a corpus, not cleaned. */
export type CorpusRecord = Readonly<{
  /** Format of the file. */
  format: CorpusFormat;
  /** The line without its line end, or the joined paragraphs. Empty if `fault` is set. */
  text: string;
  /** Line in a text file, or number of the poem in a JSON file; from 1. */
  line: number;
  /** Why the text could not be read: a line longer than `MAX_LINE`, or `paragraphs` that are not strings. */
  fault?: 'too-long' | 'format';
}>;

/** How to read a corpus. */
export type ReadOptions = Readonly<{
  /** Format of the file. Default: detected from the first 64 KiB. */
  format?: CorpusFormat;
  /** Abort to stop reading. */
  signal?: AbortSignal;
}>;

/** UTF-16 units. Longer lines are skipped without being held in memory. */
export const MAX_LINE = 2 ** 20;
const CHUNK_BYTES = 2 ** 16;
const MAX_JSON_BYTES = 400 * 2 ** 20; // a JavaScript string has at most 512 Mi units

/**
 * Streams the records of a file, or of the `*.json` files in a folder. Text is UTF-8 with universal newlines (\n, \r\n,
 * \r); invalid UTF-8 becomes U+FFFD, which cleaning rejects. Holds one chunk of text, or one JSON file, in memory.
 *
 * @param options `format`: format of the file; default: detected. `signal`: abort to stop reading.
 * @throws ERR_TANGSHI_CORPUS if the path cannot be read, or its content does not match `format`. AbortError
 * @example
 * for await (const { text, line } of readCorpus('poems.txt', { format: 'titled' })) console.log(line, text);
 */
export async function* readCorpus(path: string, options: ReadOptions = {}): AsyncGenerator<CorpusRecord> {
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

/** Detects the format from the beginning of a file. */
export function detectFormat(head: string): CorpusFormat {
  if (/^\s*(\[\s*[[{"\]]|\{\s*["}])/.test(head)) return 'json';
  const lines = head.split(/\r\n?|\n/).filter((line) => line.trim() !== '');
  const titled = lines.filter((line) => /[:：]/.test(line)).length;
  return titled * 2 > lines.length ? 'titled' : 'lines';
}

async function* readFolder(path: string, options: ReadOptions): AsyncGenerator<CorpusRecord> {
  const entries = await readdir(path).catch((error: unknown) => fail(path, error));
  const names = entries.filter((name) => name.endsWith('.json')).sort();
  if (names.length === 0)
    throw new TangshiError('ERR_TANGSHI_CORPUS', `${path} is a folder without .json files: choose a file`);
  for (const name of names) yield* readCorpus(join(path, name), { ...options, format: 'json' });
}

async function* readFile(file: FileHandle, path: string, options: ReadOptions): AsyncGenerator<CorpusRecord> {
  const head = await readChunk(file, path);
  if (/^(fffe|feff)/.test(head.toString('hex', 0, 2))) {
    throw new TangshiError('ERR_TANGSHI_CORPUS', `${path} is UTF-16: save it as UTF-8`);
  }
  const format = options.format ?? detectFormat(wholeLines(head));
  if (format === 'json') yield* readJson(file, head, path, options.signal);
  else yield* readLines(file, head, path, format, options.signal);
}

/** The chunk without its last line, which may be incomplete. */
function wholeLines(head: Buffer): string {
  const cut = head.length < CHUNK_BYTES ? -1 : Math.max(head.lastIndexOf('\n'), head.lastIndexOf('\r'));
  return head.toString('utf8', 0, cut < 0 ? head.length : cut);
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

async function* readLines(
  file: FileHandle,
  head: Buffer,
  path: string,
  format: 'titled' | 'lines',
  signal?: AbortSignal,
): AsyncGenerator<CorpusRecord> {
  const decoder = new StringDecoder('utf8'); // keeps a BOM, like Python's utf-8
  const splitter = new LineSplitter();
  let line = 0;
  for (let chunk = head; chunk.length > 0; chunk = await readChunk(file, path)) {
    throwIfAborted(signal);
    for (const text of splitter.push(decoder.write(chunk))) yield toRecord(format, text, ++line);
  }
  for (const text of splitter.end(decoder.end())) yield toRecord(format, text, ++line);
}

function toRecord(format: CorpusFormat, text: string | undefined, line: number): CorpusRecord {
  return text === undefined ? { format, text: '', line, fault: 'too-long' } : { format, text, line };
}

/** Splits chunks into lines; `undefined` stands for a line longer than `MAX_LINE`. */
class LineSplitter {
  #line: string | undefined = '';
  #heldBack = '';

  *push(chunk: string): Generator<string | undefined> {
    let text = this.#heldBack + chunk;
    // A final \r may be the first half of \r\n.
    this.#heldBack = text.endsWith('\r') ? '\r' : '';
    if (this.#heldBack !== '') text = text.slice(0, -1);
    yield* this.#split(text);
  }

  *end(chunk: string): Generator<string | undefined> {
    yield* this.#split(this.#heldBack + chunk);
    if (this.#line !== '') yield this.#line;
  }

  *#split(text: string): Generator<string | undefined> {
    let start = 0;
    for (const { 0: lineEnd, index } of text.matchAll(/\r\n?|\n/g)) {
      this.#append(text.slice(start, index));
      yield this.#line;
      this.#line = '';
      start = index + lineEnd.length;
    }
    this.#append(text.slice(start));
  }

  #append(piece: string): void {
    if (this.#line === undefined) return;
    this.#line = this.#line.length + piece.length > MAX_LINE ? undefined : this.#line + piece;
  }
}

async function* readJson(
  file: FileHandle,
  head: Buffer,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<CorpusRecord> {
  const { size } = await file.stat();
  if (size > MAX_JSON_BYTES) {
    const limit = MAX_JSON_BYTES / 2 ** 20;
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      `${path} is a JSON file of more than ${limit} MiB: split it, or convert it to lines of text`,
    );
  }
  const rest = await file.readFile().catch((error: unknown) => fail(path, error));
  throwIfAborted(signal);
  let line = 0;
  for (const paragraphs of findParagraphs(parseJson(Buffer.concat([head, rest]).toString('utf8'), path))) {
    throwIfAborted(signal);
    line++;
    if (paragraphs === undefined) yield { format: 'json', text: '', line, fault: 'format' };
    else yield { format: 'json', text: paragraphs.join(''), line };
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      `${path} is not valid JSON (${reason}): fix it, or set format`,
      {
        cause: error,
        option: 'format',
      },
    );
  }
}

/** In file order; `undefined` for `paragraphs` that are not strings. An explicit stack allows any nesting depth. */
function* findParagraphs(root: unknown): Generator<string[] | undefined> {
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value !== 'object' || value === null) continue;
    if ('paragraphs' in value && !Array.isArray(value)) {
      yield isStrings(value.paragraphs) ? value.paragraphs : undefined;
      continue;
    }
    const children = Object.values(value);
    for (let index = children.length - 1; index >= 0; index--) stack.push(children[index]);
  }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
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
