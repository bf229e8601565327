/** UTF-16 units. Longer lines are skipped without holding them in memory. */
export const MAX_LINE = 2 ** 20;

/** Splits chunks of text into lines, with universal newlines. `undefined` stands for a line longer than `MAX_LINE`. */
export class LineSplitter {
  #line: string | undefined = '';
  #heldBack = '';

  *push(chunk: string): Generator<string | undefined> {
    let text = this.#heldBack + chunk;
    // A final \r may be the first half of \r\n.
    this.#heldBack = text.endsWith('\r') ? '\r' : '';
    if (this.#heldBack !== '') text = text.slice(0, -1);
    yield* this.#split(text);
  }

  *end(): Generator<string | undefined> {
    yield* this.#split(this.#heldBack);
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
