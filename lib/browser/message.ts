/**
 * Arguments and results of the WebAssembly module: 64-bit words in its memory, in the order of native/wasm/writer.cc.
 * A number or flag is a double; an array is its length, then its elements, padded to whole words.
 *
 * @module
 */

const WORD = 8;

/** What an array may consist of. */
export type Elements = Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array | BigUint64Array;
type Constructor<T extends Elements> = new (buffer: ArrayBuffer) => T;

/** Collects the arguments of a call. */
export class MessageWriter {
  readonly #parts: (number | Elements)[] = [];

  number(value: number | boolean): this {
    this.#parts.push(Number(value));
    return this;
  }

  array(elements: Elements): this {
    this.#parts.push(elements.length, elements);
    return this;
  }

  arrays(list: readonly Elements[]): this {
    this.number(list.length);
    for (const elements of list) this.array(elements);
    return this;
  }

  text(text: string): this {
    return this.array(new TextEncoder().encode(text));
  }

  /** Length in words. */
  get words(): number {
    return this.#parts.reduce<number>((sum, part) => sum + wordsOf(part), 0);
  }

  /** Copies everything to a place in memory, which must have room for it. */
  writeTo(memory: ArrayBuffer, offset: number): void {
    const bytes = new Uint8Array(memory);
    const view = new DataView(memory);
    let at = offset;
    for (const part of this.#parts) {
      if (typeof part === 'number') view.setFloat64(at, part, true);
      else bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += wordsOf(part) * WORD;
    }
  }
}

function wordsOf(part: number | Elements): number {
  return typeof part === 'number' ? 1 : Math.ceil(part.byteLength / WORD);
}

/** Reads the result of a call. */
export class MessageReader {
  readonly #memory: ArrayBuffer;
  #at: number;

  constructor(memory: ArrayBuffer, offset: number) {
    this.#memory = memory;
    this.#at = offset;
  }

  number(): number {
    const value = new DataView(this.#memory).getFloat64(this.#at, true);
    this.#at += WORD;
    return value;
  }

  /** A copy. */
  array<T extends Elements>(type: Constructor<T> & { readonly BYTES_PER_ELEMENT: number }): T {
    const bytes = this.number() * type.BYTES_PER_ELEMENT;
    const elements = new type(this.#memory.slice(this.#at, this.#at + bytes));
    this.#at += wordsOf(elements) * WORD;
    return elements;
  }
}
