import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { TangshiError } from '../util/errors';

/**
 * `titled`: a poem a line, `title:content`. `lines`: a poem a line, bare.
 * `json`: chinese-poetry's form, objects with `paragraphs: string[]` at any depth.
 */
export type CorpusFormat = 'titled' | 'lines' | 'json';

/** One candidate for a poem, just as it stands in the file. */
export type CorpusRecord = Readonly<{
  /** Of the file. */
  format: CorpusFormat;
  /** The raw line without its line end, or the joined paragraphs. Empty where `fault` is set. */
  text: string;
  /** 1-based: the line of a text file, the place among the poems of a JSON file. */
  line: number;
  /** Why the text could not even be read: a line beyond `MAX_LINE`, or `paragraphs` that are no strings. */
  fault?: 'too-long' | 'format';
}>;

/** How a file is read. */
export type ReadOptions = Readonly<{ format?: CorpusFormat; signal?: AbortSignal }>;

/** UTF-16 units. A longer line is passed over without being held in memory. */
export const MAX_LINE = 2 ** 20;
const CHUNK_BYTES = 2 ** 16;
const MAX_JSON_BYTES = 400 * 2 ** 20; // a JavaScript string holds 512 Mi units

/**
 * Streams the records of a file, or of the `*.json` files in a folder. Text is UTF-8 with line ends as Python's
 * universal newlines have them (\n, \r\n, \r); bytes that are no UTF-8 become U+FFFD, for the cleaning to reject.
 * Without `format` the first 64 KiB decide. Text needs memory for one chunk, JSON for one file.
 *
 * @param options `format`: of the file, else told by its content. `signal`: to stop.
 * @throws ECORPUS when the path cannot be read, or is not what `format` says. ECANCELED on abort.
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
    else throw new TangshiError('ECORPUS', `${path} is not a file: name a text or JSON file of poems`);
  } finally {
    await file.close();
  }
}

/** The format of a file that starts with this text. */
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
    throw new TangshiError('ECORPUS', `${path} is a folder without .json files: name a file`);
  for (const name of names) yield* readCorpus(join(path, name), { ...options, format: 'json' });
}

async function* readFile(file: FileHandle, path: string, options: ReadOptions): AsyncGenerator<CorpusRecord> {
  const head = await readChunk(file, path);
  if (/^(fffe|feff)/.test(head.toString('hex', 0, 2))) {
    throw new TangshiError('ECORPUS', `${path} is UTF-16: save it as UTF-8`);
  }
  const format = options.format ?? detectFormat(wholeLines(head));
  if (format === 'json') yield* readJson(file, head, path, options.signal);
  else yield* readLines(file, head, path, format, options.signal);
}

/** Without the line that the end of the chunk may have cut. */
function wholeLines(head: Buffer): string {
  const cut = head.length < CHUNK_BYTES ? -1 : Math.max(head.lastIndexOf('\n'), head.lastIndexOf('\r'));
  return head.toString('utf8', 0, cut < 0 ? head.length : cut);
}

/** Fills a chunk as far as the file goes: a pipe hands out less at a time. */
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
  const decoder = new StringDecoder('utf8'); // keeps a BOM, as Python's utf-8 does
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

/** Lines out of chunks; `undefined` for a line that was too long to keep. */
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
      'ECORPUS',
      `${path} is JSON of more than ${limit} MiB: split it, or make it lines of text`,
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
    throw new TangshiError('ECORPUS', `${path} is not JSON (${reason}): mend it, or name its format`, {
      cause: error,
    });
  }
}

/** In the order of the file; `undefined` for `paragraphs` of another form. A stack of its own bears any depth. */
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

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new TangshiError('ECANCELED', 'Reading the corpus was cancelled', { cause: signal.reason });
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file; give a path, or one of the built-in names poems and tangshi',
  ENOTDIR: 'a part of the path is not a folder',
  EACCES: 'permission denied; make it readable',
  EPERM: 'permission denied; make it readable',
  ELOOP: 'the link leads in a circle',
};

function fail(path: string, error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = REMEDIES[code] ?? (error instanceof Error ? error.message : String(error));
  throw new TangshiError('ECORPUS', `Cannot read the corpus ${path}: ${reason}`, { cause: error });
}
