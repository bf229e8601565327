import type { Rng } from '../util/rng';
import type { Genre } from './genre';
import type { Heading } from './poems';
import type { Vocab } from './vocab';

/** What precedes the begin of a poem in training and generation, as ids; each part may be empty. */
export type Preface = Readonly<{
  /** The mark of a title, and its characters. */
  title: Int32Array;
  genre: Int32Array;
}>;

/** Empty if the vocabulary has no control tokens, or knows no character of the title. */
export function titlePreface(vocab: Vocab, title: string): Int32Array {
  const mark = vocab.control('title');
  const known = [...title].filter((char) => vocab.has(char)).join('');
  return Int32Array.from(mark === undefined || known === '' ? [] : [mark, ...vocab.encode(known)]);
}

/** Empty if the vocabulary has no control tokens. */
export function genrePreface(vocab: Vocab, genre: Genre): Int32Array {
  const id = vocab.control(genre);
  return Int32Array.from(id === undefined ? [] : [id]);
}

/** Both parts of a heading. */
export function prefaceOf(vocab: Vocab, { title, genre }: Heading): Preface {
  return { title: titlePreface(vocab, title), genre: genrePreface(vocab, genre) };
}

/** Both parts, for `evaluate`. */
export function wholePreface({ title, genre }: Preface): Int32Array {
  return Int32Array.from([...title, ...genre]);
}

/**
 * What precedes a poem in one epoch of training: in 3 of 12 cases nothing, in 1 its genre, in 2 its title, in 6 both. So
 * the model also learns poems without a title, and titles without a genre.
 */
export function drawPreface({ title, genre }: Preface, rng: Rng): Int32Array {
  const drawn = rng.below(12);
  const hasTitle = drawn >= 4;
  const hasGenre = drawn === 3 || drawn >= 6;
  return Int32Array.from([...(hasTitle ? title : []), ...(hasGenre ? genre : [])]);
}
