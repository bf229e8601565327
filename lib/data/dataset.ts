import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { TangshiError } from '../util/errors';
import { type BuiltinOptions, builtinCorpus } from './builtin-corpora';
import { Cleaner, type CleaningRules, REJECTIONS, type Rejection, type Tally } from './clean';
import { type CorpusFormat, type CorpusRecord, readCorpus } from './corpus';
import { isBuiltin } from './corpus-recipes';
import { LineSet, tellingLines } from './line-filter';
import { Vocab } from './vocab';

/** What to read, how to clean it, and how to split it; `cacheDir` is where built-in corpora are kept. */
export type DatasetOptions = BuiltinOptions &
  Readonly<{
    /**
     * A built-in corpus (`poems`, `tangshi`, …); any other string is a path (`./poems` for a file of that name). Or the
     * poems themselves.
     */
    data: string | Iterable<string> | AsyncIterable<string>;
    /** More corpora, built in or of the same format, to learn from: nothing of them is held out. */
    extra?: readonly string[];
    /** Default: told by the content. */
    format?: CorpusFormat;
    /** How records become poems. */
    cleaning: CleaningRules;
    /** Rarer characters become UNK. The classic vocabulary knows none and does not look at it. */
    minCount: number;
    /** Share of the poems that is kept from training, 0 <= heldOut < 1. */
    heldOut: number;
    /**
     * To go on with a model: its vocabulary instead of one made from this corpus. Poems with characters that a classic
     * one lacks are left out, and counted.
     */
    vocab?: Vocab;
    signal?: AbortSignal;
  }>;

/** A corpus as ids, split, with its vocabulary. */
export type Dataset = Readonly<{
  /** The built-in's name, or the file's; `texts` for poems that were given; of several, with + between. */
  name: string;
  /**
   * Poems to learn from, as ids with begin and end. `classic`: by length, equal lengths as in the file; `modern` and
   * `plain`: as in the file.
   */
  train: readonly Int32Array[];
  /** Poems that are kept from training, likewise. */
  heldOut: readonly Int32Array[];
  /** Whose ids these are. */
  vocab: Vocab;
  /** Of the records of all corpora. */
  tally: Tally;
  /** Of the training poems. */
  lines: LineSet;
  /** Hex SHA-256 of the rules and the cleaned poems, in order. */
  fingerprint: string;
  /** Training targets an epoch, when no poem is dropped. */
  tokens: number;
}>;

/**
 * Reads, cleans and encodes a corpus. A poem is held out by a hash of its Han characters (or of a text that has none):
 * whatever the order of the file and its punctuation, and whatever else is in it. A poem of an extra corpus that has a
 * line of a held-out one is left out: it may be the same in another edition.
 *
 * `modern` and `plain`: the vocabulary is made from the training poems alone. `classic`: from all, as in the original, which
 * held nothing out.
 *
 * @throws ECORPUS when the corpus cannot be read or no poem passes. EARG. ECANCELED on abort.
 * @example
 * const { train, vocab, tally } = await loadDataset({ data: 'poems', cleaning: 'modern', minCount: 2, heldOut: 0.05 });
 */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  const { data, cleaning, heldOut: share, minCount } = options;
  if (!(share >= 0 && share < 1)) {
    throw new TangshiError('EARG', `Expected heldOut to be at least 0 and below 1 but received ${share}`);
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

  // The vocabulary's ties are broken by first occurrence in this order, so it comes first.
  if (cleaning === 'classic') sortByLength(poems);
  const { train, heldOut } = split(poems, share);
  for (const poem of strangersTo(heldOut, encodable(extra, tally, options.vocab), tally)) train.push(poem);
  if (cleaning === 'classic' && extra.length > 0) sortByLength(train);
  if (train.length === 0)
    throw new TangshiError('ECORPUS', `${nameOf(data)}: every poem is held out: lower the share ${share}`);

  const vocab =
    options.vocab ?? (cleaning === 'classic' ? Vocab.classic(poems) : Vocab.build(train, { minCount }));
  const encoded = train.map((poem) => vocab.encodePoem(poem));
  // The classic batches train a target more a poem: END -> END.
  const targetsMissing = cleaning === 'classic' ? 0 : 1;
  return {
    name: [data, ...(options.extra ?? [])].map(nameOf).join(' + '),
    train: encoded,
    heldOut: heldOut.map((poem) => vocab.encodePoem(poem)),
    vocab,
    tally,
    lines: LineSet.of(train),
    fingerprint,
    tokens: encoded.reduce((sum, ids) => sum + ids.length - targetsMissing, 0),
  };
}

function nameOf(corpus: DatasetOptions['data']): string {
  if (typeof corpus !== 'string') return 'texts';
  return isBuiltin(corpus) ? corpus : basename(corpus);
}

/** Without the poems that a given vocabulary has no ids for. */
function encodable(poems: string[], tally: Tally, vocab: Vocab | undefined): string[] {
  if (vocab === undefined || vocab.unk !== undefined || poems.length === 0) return poems;
  const known = poems.filter((poem) => [...poem].every((char) => vocab.has(char)));
  leaveOut(tally, 'vocabulary', poems.length - known.length);
  if (known.length > 0) return known;
  throw new TangshiError('ECORPUS', 'Every poem has characters that the model does not know');
}

/** Of poems from elsewhere, those that have no line of a held-out one. */
function strangersTo(heldOut: readonly string[], poems: string[], tally: Tally): string[] {
  const secret = new Set(heldOut.flatMap(tellingLines));
  const strangers = poems.filter((poem) => !tellingLines(poem).some((line) => secret.has(line)));
  leaveOut(tally, 'held-out', poems.length - strangers.length);
  return strangers;
}

/** What passed the cleaning and is not wanted after all. */
function leaveOut(tally: Tally, reason: Rejection, count: number): void {
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
  const tally = since(before, cleaner.tally);
  if (poems.length > 0 || tally.rejected.duplicate > 0) return poems;
  throw new TangshiError('ECORPUS', explainEmpty(typeof data === 'string' ? data : nameOf(data), tally));
}

function since(before: Tally, now: Tally): Tally {
  const rejected = { ...now.rejected };
  for (const reason of REJECTIONS) rejected[reason] -= before.rejected[reason];
  return { read: now.read - before.read, kept: now.kept - before.kept, rejected };
}

async function* recordsAt(data: string, options: DatasetOptions): AsyncGenerator<CorpusRecord> {
  const { cleaning, signal } = options;
  if (isBuiltin(data)) return yield* readCorpus(await builtinCorpus(data, options), { signal });
  // A colon in any text does not part a title from a poem.
  const format = options.format ?? (cleaning === 'plain' ? 'lines' : undefined);
  yield* readCorpus(data, { format, signal });
}

async function* recordsOf(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<CorpusRecord> {
  let line = 0;
  for await (const text of texts) {
    if (typeof text !== 'string')
      throw new TangshiError('EARG', `Expected strings but received ${typeof text}`);
    yield { format: 'lines', text, line: ++line };
  }
}

function explainEmpty(path: string, { read, rejected }: Tally): string {
  if (read === 0) return `${path} holds no poems: it is empty, or JSON without "paragraphs"`;
  const counts = Object.entries(rejected)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason} ${count}`);
  const hint = rejected.damaged * 2 > read ? 'is it UTF-8?' : 'is it a file of poems, and --format right?';
  return `${path} holds no poem that passes the cleaning; rejected: ${counts.join(', ')}: ${hint}`;
}

/** By code points, as Python counts. */
function sortByLength(poems: string[]): void {
  const lengths = new Map(poems.map((poem) => [poem, [...poem].length]));
  poems.sort((a, b) => (lengths.get(a) as number) - (lengths.get(b) as number));
}

function split(poems: readonly string[], share: number): { train: string[]; heldOut: string[] } {
  const train: string[] = [];
  const heldOut: string[] = [];
  for (const poem of poems) (share > 0 && position(poem) < share ? heldOut : train).push(poem);
  return { train, heldOut };
}

/** From 0 to 1, evenly spread over poems. */
function position(poem: string): number {
  const characters = poem.replace(/[^\p{Script=Han}]/gu, '') || poem;
  return createHash('sha256').update(characters).digest().readUIntBE(0, 6) / 2 ** 48;
}
