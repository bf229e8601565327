import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { TangshiError } from '../util/errors';
import { requireChoice, requireObject, requireStrings, wrongArgument } from '../util/guards';
import { builtinFiles, type CorpusCacheOptions } from './builtin-corpora';
import { Cleaner, type CleaningRules, REJECTIONS, type Tally } from './clean';
import { type CorpusRecord, readCorpus } from './corpus';
import { CORPUS_FORMATS, type CorpusFormat } from './corpus-format';
import { type BuiltinCorpus, builtinFormat, builtinMaxLength, isBuiltinCorpus } from './corpus-recipes';
import { ENCODINGS, type Encoding } from './encoding';
import { type Genre, genreOf } from './genre';
import { distinctiveLines } from './line-filter';
import { titleOf } from './title';

/** Name of a corpus of poems passed as texts. */
export const TEXTS = 'texts';

/** What to read, how to clean it and how to split it. */
export type PoemsOptions = CorpusCacheOptions &
  Readonly<{
    /**
     * Name of a built-in corpus (`poems`, `tangshi`, …), or path of a file (`./poems` for a file with that name). Or
     * the poems themselves, each a string.
     */
    data: string | Iterable<string> | AsyncIterable<string>;
    /** More corpora to train on, by name or path, in the same format; none of their poems is held out. */
    extra?: readonly string[];
    /** Format of the files. Default: detected. */
    format?: CorpusFormat;
    /** Encoding of the files. Default: UTF-8, or UTF-16 if they begin with a byte order mark. */
    encoding?: Encoding;
    /** How records become poems. */
    cleaning: CleaningRules;
    /** Fraction of the poems to hold out from training, 0 <= heldOut < 1. */
    heldOut: number;
    /** Whether to read titles, too. Default: no. Only `modern` has them. */
    titles?: boolean;
    /** Abort to stop reading. */
    signal?: AbortSignal;
  }>;

/** What a poem is called, and of what kind it is. */
export type Heading = Readonly<{
  /** Han characters; empty if the poem has no title. Of a ci, its tune. */
  title: string;
  genre: Genre;
}>;

/** The poems of a corpus as texts, split into training and held-out poems. */
export type Poems = Readonly<{
  /** Name of the built-in corpus or the file, or `texts`; several are joined by +. */
  name: string;
  /** Training poems, in file order; those of extra corpora last. */
  train: readonly string[];
  /** Held-out poems, likewise. */
  heldOut: readonly string[];
  /** Counts over the records of all corpora. */
  tally: Tally;
  /** The heading of each poem, if titles were read. */
  headings: ReadonlyMap<string, Heading> | undefined;
  /** Hex SHA-256 of the cleaning rules and the cleaned poems, in order, with their titles if these were read. */
  fingerprint: string;
}>;

/** A cleaned poem. */
type CleanPoem = Readonly<{
  text: string;
  heading?: Heading;
  /**
   * The text whose hash decides whether the poem is held out: as it was before variants were replaced by standard
   * forms.
   */
  key: string;
}>;

/**
 * Reads, cleans and splits a corpus. Whether a poem is held out depends only on a hash of its Han characters (of the whole
 * text, if it has none), not on its punctuation or the rest of the corpus. A poem of an extra corpus that shares a line with
 * a held-out poem is rejected: it may be the same poem in another edition.
 *
 * @param isUsable Rejects other poems, as `vocabulary`.
 * @throws ERR_TANGSHI_CORPUS if the corpus cannot be read, or no poem passes the cleaning. ERR_TANGSHI_INVALID_ARG.
 * AbortError
 * @example
 * const { train, heldOut } = await loadPoems({ data: 'poems', cleaning: 'modern', heldOut: 0.05 });
 */
export async function loadPoems(
  options: PoemsOptions,
  isUsable: (poem: string) => boolean = () => true,
): Promise<Poems> {
  requireObject(options, 'options');
  requireSource(options);
  const { data, cleaning, heldOut: fraction } = options;
  if (!(fraction >= 0 && fraction < 1)) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Expected heldOut >= 0 and < 1 but received ${fraction}`,
      { option: 'heldOut' },
    );
  }
  const cleaner = new Cleaner(cleaning);
  const own = await readPoems(data, options, cleaner);
  const extra: CleanPoem[] = [];
  for (const corpus of options.extra ?? []) {
    for (const poem of await readPoems(corpus, options, cleaner)) extra.push(poem);
  }
  const { tally } = cleaner;
  const usable = ({ text }: CleanPoem) => isUsable(text);
  const { train, heldOut } = split(filter(own, usable, 'vocabulary', tally), fraction);
  const seen = new Set(heldOut.flatMap((text) => [text, ...distinctiveLines(text)]));
  const isNew = ({ text }: CleanPoem) => ![text, ...distinctiveLines(text)].some((part) => seen.has(part));
  const added = filter(filter(extra, usable, 'vocabulary', tally), isNew, 'held-out', tally);
  for (const { text } of added) train.push(text);
  if (train.length === 0) throw noneLeft(nameOf(data), heldOut.length, fraction);
  return {
    name: [data, ...(options.extra ?? [])].map(nameOf).join(' + '),
    train,
    heldOut,
    tally,
    headings: hasTitles(options) ? headingsOf([...own, ...extra]) : undefined,
    fingerprint: fingerprintOf(cleaning, own, extra),
  };
}

/** @throws ERR_TANGSHI_INVALID_ARG */
function requireSource({ data, extra, format, encoding }: PoemsOptions): void {
  const iterable = Object(data)[Symbol.iterator] ?? Object(data)[Symbol.asyncIterator];
  if (iterable === undefined) throw wrongArgument('a string or texts', 'data', data);
  if (extra !== undefined) requireStrings(extra, 'extra');
  requireChoice(format, CORPUS_FORMATS, 'format');
  requireChoice(encoding, ENCODINGS, 'encoding');
}

function nameOf(corpus: PoemsOptions['data']): string {
  if (typeof corpus !== 'string') return TEXTS;
  return isBuiltinCorpus(corpus) ? corpus : basename(corpus);
}

/** Keeps the poems that pass, and counts the others by reason. */
function filter(
  poems: readonly CleanPoem[],
  passes: (poem: CleanPoem) => boolean,
  reason: 'vocabulary' | 'held-out',
  tally: Tally,
): CleanPoem[] {
  const kept = poems.filter(passes);
  tally.rejected[reason] += poems.length - kept.length;
  tally.kept -= poems.length - kept.length;
  return kept;
}

/** Joined into one string, a large corpus would exceed the maximum string length. */
function fingerprintOf(cleaning: CleaningRules, ...corpora: readonly (readonly CleanPoem[])[]): string {
  const hash = createHash('sha256').update(cleaning);
  for (const poems of corpora)
    for (const { text, heading } of poems) hash.update(`\n${heading ? `${heading.title}:` : ''}${text}`);
  return hash.digest('hex');
}

function noneLeft(name: string, heldOut: number, fraction: number): TangshiError {
  return heldOut === 0
    ? new TangshiError(
        'ERR_TANGSHI_CORPUS',
        `Every poem of ${name} has a character outside the vocabulary of the model`,
      )
    : new TangshiError(
        'ERR_TANGSHI_CORPUS',
        `Every poem of ${name} is held out: lower heldOut, which is ${fraction}`,
        { option: 'heldOut' },
      );
}

async function readPoems(
  data: PoemsOptions['data'],
  options: PoemsOptions,
  cleaner: Cleaner,
): Promise<CleanPoem[]> {
  const before = structuredClone(cleaner.tally);
  const poems: CleanPoem[] = [];
  for await (const record of typeof data === 'string' ? recordsAt(data, options) : recordsOf(data)) {
    const text = cleaner.clean(record);
    if (text === undefined) continue;
    const heading = hasTitles(options) ? headingOf(record, text) : undefined;
    poems.push({ text, heading, key: keyOf(record, text, options.cleaning) });
  }
  const tally = difference(before, cleaner.tally);
  if (poems.length > 0 || tally.rejected.duplicate > 0) return poems;
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    explainEmpty(typeof data === 'string' ? data : nameOf(data), tally),
  );
}

function keyOf({ variant, ...record }: VariantRecord, text: string, cleaning: CleaningRules): string {
  if (variant === undefined) return text;
  return new Cleaner(cleaning).clean({ ...record, text: variant }) ?? text;
}

function hasTitles({ titles = false, cleaning }: PoemsOptions): boolean {
  return titles && cleaning === 'modern';
}

function headingOf({ isCi, ...record }: VariantRecord, text: string): Heading {
  return { title: titleOf(record), genre: isCi ? '词' : genreOf(text) };
}

/** Under `modern`, no text occurs twice. */
function headingsOf(poems: readonly CleanPoem[]): Map<string, Heading> {
  return new Map(poems.map(({ text, heading }) => [text, heading as Heading]));
}

function difference(before: Tally, now: Tally): Tally {
  const rejected = { ...now.rejected };
  for (const reason of REJECTIONS) rejected[reason] -= before.rejected[reason];
  return { read: now.read - before.read, kept: now.kept - before.kept, rejected };
}

/** A record, with its text before variants were replaced by standard forms, if it differs. */
type VariantRecord = CorpusRecord & Readonly<{ variant?: string; isCi?: boolean }>;

async function* recordsAt(data: string, options: PoemsOptions): AsyncGenerator<VariantRecord> {
  if (isBuiltinCorpus(data)) return yield* builtinRecords(data, options);
  const { cleaning, encoding, signal } = options;
  // In arbitrary text, a colon does not separate a title from a poem.
  const format = options.format ?? (cleaning === 'plain' ? 'lines' : undefined);
  yield* readCorpus(data, { format, encoding, signal });
}

async function* builtinRecords(name: BuiltinCorpus, options: PoemsOptions): AsyncGenerator<VariantRecord> {
  const files = await builtinFiles(name, options);
  const variants = await readVariants(files.variants);
  const { signal } = options;
  const maxLength = builtinMaxLength(name);
  for await (const record of readCorpus(files.path, { format: builtinFormat(name), signal }))
    yield { ...record, maxLength, variant: variants.get(record.line), isCi: name === 'songci' };
}

async function readVariants(path: string): Promise<ReadonlyMap<number, string>> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => JSON.parse(line) as [number, string]));
}

async function* recordsOf(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<CorpusRecord> {
  let line = 0;
  for await (const text of texts) {
    if (typeof text !== 'string')
      throw new TangshiError(
        'ERR_TANGSHI_INVALID_ARG',
        `Expected texts of type string but received ${typeof text}`,
      );
    yield { format: 'lines', text, line: ++line };
  }
}

function explainEmpty(path: string, { read, rejected }: Tally): string {
  if (read === 0) return `${path} has no poems: it is empty, or JSON without "paragraphs" or "content"`;
  const counts = Object.entries(rejected)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason} ${count}`);
  const hint = rejected.damaged * 2 > read ? 'Is it UTF-8?' : 'Are format and cleaning right?';
  return `No poem of ${path} passes the cleaning (${counts.join(', ')}). ${hint}`;
}

function split(poems: readonly CleanPoem[], fraction: number): { train: string[]; heldOut: string[] } {
  const train: string[] = [];
  const heldOut: string[] = [];
  for (const { text, key } of poems) (fraction > 0 && position(key) < fraction ? heldOut : train).push(text);
  return { train, heldOut };
}

/** From 0 to 1, uniform over poems. */
function position(poem: string): number {
  const characters = poem.replace(/[^\p{Script=Han}]/gu, '') || poem;
  return createHash('sha256').update(characters).digest().readUIntBE(0, 6) / 2 ** 48;
}
