import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { TangshiError } from '../util/errors';
import { builtinCorpusPath, type CorpusCacheOptions } from './builtin-corpora';
import { Cleaner, type CleaningRules, REJECTIONS, type Rejection, type Tally } from './clean';
import { type CorpusFormat, type CorpusRecord, readCorpus } from './corpus';
import { isBuiltinCorpus } from './corpus-recipes';
import { distinctiveLines, LineFilter } from './line-filter';
import { Vocab } from './vocab';

/** Name of a dataset whose poems were given as texts. */
export const TEXTS = 'texts';

/** What to read, how to clean it and how to split it. */
export type DatasetOptions = CorpusCacheOptions &
  Readonly<{
    /**
     * Name of a built-in corpus (`poems`, `tangshi`, …), or path of a file (`./poems` for a file of that name). Or the
     * poems themselves, each a string.
     */
    data: string | Iterable<string> | AsyncIterable<string>;
    /** More corpora to train on, by name or path, in the same format; none of their poems is held out. */
    extra?: readonly string[];
    /** Format of the files. Default: detected. */
    format?: CorpusFormat;
    /** How records become poems. */
    cleaning: CleaningRules;
    /** Characters that occur fewer times become UNK. Ignored under `classic`, which has no UNK. */
    minCount: number;
    /** Fraction of the poems to hold out from training, 0 <= heldOut < 1. */
    heldOut: number;
    /**
     * Vocabulary of an existing model. Default: built from this corpus. A classic one has no UNK: poems with other
     * characters are rejected, and counted.
     */
    vocab?: Vocab;
    /** Abort to stop reading. */
    signal?: AbortSignal;
  }>;

/** A corpus as ids, split into training and held-out poems, with its vocabulary. */
export type Dataset = Readonly<{
  /** Name of the built-in corpus or the file, or `texts`; several are joined by +. */
  name: string;
  /**
   * Training poems, as ids with begin and end. In the order of the file; under `classic` sorted by length, stably.
   */
  train: readonly Int32Array[];
  /** Held-out poems, likewise. */
  heldOut: readonly Int32Array[];
  /** Vocabulary of the ids. */
  vocab: Vocab;
  /** Counts over the records of all corpora. */
  tally: Tally;
  /** The lines of the training poems. */
  lineFilter: LineFilter;
  /** Hex SHA-256 of the cleaning rules and the cleaned poems, in order. */
  fingerprint: string;
  /** Training targets per epoch, if no poem is dropped. */
  tokens: number;
}>;

/**
 * Reads, cleans, splits and encodes a corpus. Whether a poem is held out depends only on a hash of its Han characters (of
 * the whole text, if it has none), not on its punctuation or the rest of the corpus. A poem of an extra corpus that
 * shares a line with a held-out poem is rejected: it may be the same poem in another edition.
 *
 * The vocabulary is built from the training poems; under `classic` from all poems, as in the original program, which held
 * nothing out.
 *
 * @throws ERR_TANGSHI_CORPUS if the corpus cannot be read, or no poem passes the cleaning. ERR_TANGSHI_INVALID_ARG.
 * AbortError
 * @example
 * const { train, vocab, tally } = await loadDataset({ data: 'poems', cleaning: 'modern', minCount: 2, heldOut: 0.05 });
 */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  if (typeof options !== 'object' || options === null)
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', `Expected options but received ${String(options)}`);
  const { data, cleaning, heldOut: fraction, minCount } = options;
  if (!(fraction >= 0 && fraction < 1)) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Expected heldOut >= 0 and < 1 but received ${fraction}`,
      {
        option: 'heldOut',
      },
    );
  }
  const cleaner = new Cleaner(cleaning);
  const own = await readPoems(data, options, cleaner);
  const extra: string[] = [];
  for (const corpus of options.extra ?? []) {
    for (const poem of await readPoems(corpus, options, cleaner)) extra.push(poem);
  }
  const { tally } = cleaner;
  const fingerprint = createHash('sha256')
    .update([cleaning, ...own, ...extra].join('\n'))
    .digest('hex');
  const poems = encodable(own, tally, options.vocab);

  // Sort before building the vocabulary: ties in its counts are broken by first occurrence.
  if (cleaning === 'classic') sortByLength(poems);
  const { train, heldOut } = split(poems, fraction);
  for (const poem of withoutLinesOf(heldOut, encodable(extra, tally, options.vocab), tally)) train.push(poem);
  if (cleaning === 'classic' && extra.length > 0) sortByLength(train);
  if (train.length === 0)
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      `Every poem of ${nameOf(data)} is held out: lower heldOut, which is ${fraction}`,
      {
        option: 'heldOut',
      },
    );

  const vocab =
    options.vocab ?? (cleaning === 'classic' ? Vocab.classic(poems) : Vocab.build(train, { minCount }));
  const encoded = train.map((poem) => vocab.encodePoem(poem));
  // Classic batches have one more target per poem: END -> END.
  const idsWithoutTarget = cleaning === 'classic' ? 0 : 1;
  return {
    name: [data, ...(options.extra ?? [])].map(nameOf).join(' + '),
    train: encoded,
    heldOut: heldOut.map((poem) => vocab.encodePoem(poem)),
    vocab,
    tally,
    lineFilter: LineFilter.of(train),
    fingerprint,
    tokens: encoded.reduce((sum, ids) => sum + ids.length - idsWithoutTarget, 0),
  };
}

function nameOf(corpus: DatasetOptions['data']): string {
  if (typeof corpus !== 'string') return TEXTS;
  return isBuiltinCorpus(corpus) ? corpus : basename(corpus);
}

/** The poems that a given vocabulary can encode. */
function encodable(poems: string[], tally: Tally, vocab: Vocab | undefined): string[] {
  if (vocab === undefined || vocab.unk !== undefined || poems.length === 0) return poems;
  const known = poems.filter((poem) => [...poem].every((char) => vocab.has(char)));
  countRejected(tally, 'vocabulary', poems.length - known.length);
  if (known.length > 0) return known;
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    'Every poem has a character outside the vocabulary of the model',
  );
}

/** The poems that share no line with a held-out poem. */
function withoutLinesOf(heldOut: readonly string[], poems: string[], tally: Tally): string[] {
  const lines = new Set(heldOut.flatMap(distinctiveLines));
  const others = poems.filter((poem) => !distinctiveLines(poem).some((line) => lines.has(line)));
  countRejected(tally, 'held-out', poems.length - others.length);
  return others;
}

/** Counts poems that were rejected after passing the cleaning. */
function countRejected(tally: Tally, reason: Rejection, count: number): void {
  tally.rejected[reason] += count;
  tally.kept -= count;
}

async function readPoems(
  data: DatasetOptions['data'],
  options: DatasetOptions,
  cleaner: Cleaner,
): Promise<string[]> {
  const before = structuredClone(cleaner.tally);
  const poems: string[] = [];
  for await (const record of typeof data === 'string' ? recordsAt(data, options) : recordsOf(data)) {
    const poem = cleaner.clean(record);
    if (poem !== undefined) poems.push(poem);
  }
  const tally = difference(before, cleaner.tally);
  if (poems.length > 0 || tally.rejected.duplicate > 0) return poems;
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    explainEmpty(typeof data === 'string' ? data : nameOf(data), tally),
  );
}

function difference(before: Tally, now: Tally): Tally {
  const rejected = { ...now.rejected };
  for (const reason of REJECTIONS) rejected[reason] -= before.rejected[reason];
  return { read: now.read - before.read, kept: now.kept - before.kept, rejected };
}

async function* recordsAt(data: string, options: DatasetOptions): AsyncGenerator<CorpusRecord> {
  const { cleaning, signal } = options;
  if (isBuiltinCorpus(data)) return yield* readCorpus(await builtinCorpusPath(data, options), { signal });
  // In arbitrary text, a colon does not separate a title from a poem.
  const format = options.format ?? (cleaning === 'plain' ? 'lines' : undefined);
  yield* readCorpus(data, { format, signal });
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
  if (read === 0) return `${path} has no poems: it is empty, or JSON without "paragraphs"`;
  const counts = Object.entries(rejected)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason} ${count}`);
  const hint = rejected.damaged * 2 > read ? 'Is it UTF-8?' : 'Are format and cleaning right?';
  return `No poem of ${path} passes the cleaning (${counts.join(', ')}). ${hint}`;
}

/** By number of code points, stably. */
function sortByLength(poems: string[]): void {
  const lengths = new Map(poems.map((poem) => [poem, [...poem].length]));
  poems.sort((a, b) => (lengths.get(a) as number) - (lengths.get(b) as number));
}

function split(poems: readonly string[], fraction: number): { train: string[]; heldOut: string[] } {
  const train: string[] = [];
  const heldOut: string[] = [];
  for (const poem of poems) (fraction > 0 && position(poem) < fraction ? heldOut : train).push(poem);
  return { train, heldOut };
}

/** From 0 to 1, uniform over poems. */
function position(poem: string): number {
  const characters = poem.replace(/[^\p{Script=Han}]/gu, '') || poem;
  return createHash('sha256').update(characters).digest().readUIntBE(0, 6) / 2 ** 48;
}
