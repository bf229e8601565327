import { requireIterable, requireString, wrongArgument } from '../util/guards';

const BITS_PER_LINE = 10;
const HASHES = 7;
/** UTF-16 units: shorter lines recur by chance. */
const MIN_LINE = 4;

/** The lines of a poem, without punctuation. */
export function versesOf(poem: string): string[] {
  return poem.split(/\P{Script=Han}+/u).filter((line) => line !== '');
}

/** The lines long enough to identify a poem. */
export function distinctiveLines(poem: string): string[] {
  return versesOf(poem).filter((line) => line.length >= MIN_LINE);
}

/**
 * A Bloom filter of the lines that a model was trained on, with ten bits per line: no false negatives, about 1% false
 * positives.
 *
 * @example
 * const filter = LineFilter.of(['床前明月光，疑是地上霜。']);
 * filter.has('疑是地上霜'); // true
 */
export class LineFilter {
  /** The bits, as stored in a checkpoint. */
  readonly bytes: Uint8Array;

  /** @param bytes The `bytes` of another filter. @throws ERR_TANGSHI_INVALID_ARG */
  constructor(bytes: Uint8Array) {
    if (!(bytes instanceof Uint8Array)) throw wrongArgument('a Uint8Array', 'bytes', bytes);
    this.bytes = bytes;
  }

  /** A filter of the lines of poems; lines of fewer than four characters are left out. @throws ERR_TANGSHI_INVALID_ARG */
  static of(poems: Iterable<string>): LineFilter {
    requireIterable(poems, 'poems');
    const lines = new Set<string>();
    for (const poem of poems) {
      requireString(poem, 'each of poems');
      for (const line of distinctiveLines(poem)) lines.add(line);
    }
    const filter = new LineFilter(new Uint8Array(Math.max(1, Math.ceil((lines.size * BITS_PER_LINE) / 8))));
    for (const line of lines) for (const bit of filter.#bitsOf(line)) filter.#set(bit);
    return filter;
  }

  /**
   * Whether the filter contains a line.
   *
   * @param line Without punctuation.
   * @throws ERR_TANGSHI_INVALID_ARG
   */
  has(line: string): boolean {
    requireString(line, 'line');
    return line.length >= MIN_LINE && this.#bitsOf(line).every((bit) => this.#isSet(bit));
  }

  #set(bit: number): void {
    this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] as number) | (1 << (bit & 7));
  }

  #isSet(bit: number): boolean {
    return ((this.bytes[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
  }

  /** Double hashing: Kirsch and Mitzenmacher, Less Hashing, Same Performance (2006). */
  #bitsOf(line: string): number[] {
    const size = this.bytes.length * 8;
    const first = hash(line, 0x811c9dc5);
    const step = hash(line, 0x9747b28c) | 1;
    return Array.from({ length: HASHES }, (_, i) => ((first + Math.imul(i, step)) >>> 0) % size);
  }
}

/** FNV-1a over UTF-16 units, then the finalizer of MurmurHash3: 32 bits. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
