const BITS_PER_LINE = 10;
const HASHES = 7;
/** UTF-16 units: a shorter line may be anybody's. */
const SHORTEST = 4;

/** The lines of a poem, without marks. */
export function versesOf(poem: string): string[] {
  return poem.split(/\P{Script=Han}+/u).filter((line) => line !== '');
}

/** Those of them by which a poem is known again. */
export function tellingLines(poem: string): string[] {
  return versesOf(poem).filter((line) => line.length >= SHORTEST);
}

/**
 * The lines that a model learned from, in ten bits each: a Bloom filter. It knows all of them, and takes 1 in 100 others
 * for one of them.
 *
 * @example
 * const lines = LineSet.of(['床前明月光，疑是地上霜。']);
 * lines.has('疑是地上霜'); // true
 */
export class LineSet {
  /** As they stand in a checkpoint. */
  readonly bytes: Uint8Array;

  /**
   * One that was kept.
   *
   * @param bytes Of another one.
   */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Of the lines of these poems; a line of fewer than four characters may be anybody's, and is left out. */
  static of(poems: Iterable<string>): LineSet {
    const lines = new Set<string>();
    for (const poem of poems) for (const line of tellingLines(poem)) lines.add(line);
    const set = new LineSet(new Uint8Array(Math.max(1, Math.ceil((lines.size * BITS_PER_LINE) / 8))));
    for (const line of lines) for (const bit of set.#bitsOf(line)) set.#set(bit);
    return set;
  }

  /**
   * Whether the line is one of them, as far as the filter tells.
   *
   * @param line Without punctuation.
   */
  has(line: string): boolean {
    return line.length >= SHORTEST && this.#bitsOf(line).every((bit) => this.#isSet(bit));
  }

  #set(bit: number): void {
    this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] as number) | (1 << (bit & 7));
  }

  #isSet(bit: number): boolean {
    return ((this.bytes[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
  }

  /** Two hashes make any number: Kirsch and Mitzenmacher, Less Hashing, Same Performance (2006). */
  #bitsOf(line: string): number[] {
    const size = this.bytes.length * 8;
    const first = hash(line, 0x811c9dc5);
    const step = hash(line, 0x9747b28c) | 1;
    return Array.from({ length: HASHES }, (_, i) => ((first + Math.imul(i, step)) >>> 0) % size);
  }
}

/** FNV-1a over UTF-16 units, then MurmurHash3's finish: 32 bits. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
