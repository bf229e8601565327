import type { Tally } from './clean';
import { LineFilter } from './line-filter';
import { type Heading, loadPoems, type Poems, type PoemsOptions } from './poems';
import { type Preface, prefaceOf } from './preface';
import { CONTROLS, type Control, Vocab } from './vocab';

/** What to read, how to clean it, how to split it and how to encode it. */
export type DatasetOptions = PoemsOptions &
  Readonly<{
    /** Characters that occur fewer times become UNK. Ignored under `classic`, which has no UNK. */
    minCount: number;
    /**
     * Vocabulary of an existing model. Default: built from this corpus. A classic vocabulary has no UNK: poems with
     * other characters are rejected and counted.
     */
    vocab?: Vocab;
  }>;

/** A corpus as ids, split into training and held-out poems, with its vocabulary. */
export type Dataset = Readonly<{
  /** Name of the built-in corpus or the file, or `texts`; several are joined by +. */
  name: string;
  /** Training poems, as ids with begin and end, in file order; under `classic` sorted by length (stable). */
  train: readonly Int32Array[];
  /** Held-out poems, likewise. */
  heldOut: readonly Int32Array[];
  /** What can precede each of the training poems, if titles were read and the vocabulary has control tokens. */
  trainPrefaces?: readonly Preface[];
  /** The same of the held-out poems. */
  heldOutPrefaces?: readonly Preface[];
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
 * Reads, cleans, splits and encodes a corpus: `loadPoems` with ids instead of texts.
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
  const poems = await loadPoems(options, isUsableWith(options?.vocab));
  const { cleaning, minCount } = options;
  const isClassic = cleaning === 'classic';
  const train = isClassic ? sortedByLength(poems.train) : poems.train;
  const heldOut = isClassic ? sortedByLength(poems.heldOut) : poems.heldOut;
  const vocab =
    options.vocab ??
    // Ties in its counts are broken by first occurrence, so the order matters.
    (isClassic
      ? Vocab.classic(sortedByLength([...train, ...heldOut]))
      : Vocab.build(train, { minCount, controls: controlsOf(poems) }));
  const encoded = train.map((poem) => vocab.encodePoem(poem));
  // Classic batches have one more target per poem: END -> END.
  const idsWithoutTarget = isClassic ? 0 : 1;
  const { name, tally, fingerprint, headings } = poems;
  const prefaces =
    headings && CONTROLS.some((control) => vocab.control(control) !== undefined)
      ? (poem: string) => prefaceOf(vocab, headings.get(poem) as Heading)
      : undefined;
  return {
    name,
    train: encoded,
    heldOut: heldOut.map((poem) => vocab.encodePoem(poem)),
    ...(prefaces && { trainPrefaces: train.map(prefaces), heldOutPrefaces: heldOut.map(prefaces) }),
    vocab,
    tally,
    lineFilter: LineFilter.of(train),
    fingerprint,
    tokens: encoded.reduce((sum, ids) => sum + ids.length - idsWithoutTarget, 0),
  };
}

/** The control tokens that training poems have. */
function controlsOf({ train, headings }: Poems): Control[] {
  if (headings === undefined) return [];
  const own = train.map((poem) => headings.get(poem) as Heading);
  const seen = new Set<Control>(own.map(({ genre }) => genre));
  if (own.some(({ title }) => title !== '')) seen.add('title');
  return CONTROLS.filter((control) => seen.has(control));
}

/** Whether a given vocabulary can encode a poem: one without UNK has to know every character. */
export function isUsableWith(vocab: Vocab | undefined): ((poem: string) => boolean) | undefined {
  if (vocab === undefined || vocab.unk !== undefined) return undefined;
  return (poem) => [...poem].every((char) => vocab.has(char));
}

/** Sorts by number of code points (stable). */
function sortedByLength(poems: readonly string[]): string[] {
  const lengths = new Map(poems.map((poem) => [poem, [...poem].length]));
  return [...poems].sort((a, b) => (lengths.get(a) as number) - (lengths.get(b) as number));
}
