import { TangshiError } from './errors';
import { sha256 } from './sha256';

const WORD = 2 ** 32;

/**
 * The pseudorandom number generator xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 47(4), 2021; https://prng.di.unimi.it/xoshiro128starstar.c): 32-bit words, period 2^128 - 1.
 * Not for secrets.
 *
 * @example
 * const order = Rng.of(42, 'order', epoch).shuffle(poems.map((_, index) => index));
 */
export class Rng {
  readonly #state: Uint32Array;

  /** @param state Four 32-bit words, not all zero. Most callers want `Rng.of`. */
  constructor(state: readonly [number, number, number, number]) {
    if (state.every((word) => word === 0))
      throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'Expected a state that is not all zero');
    this.#state = Uint32Array.from(state);
  }

  /**
   * The stream of a seed and its labels. Different labels give independent streams; 1 and 1n are the same seed. The
   * state is the first half of a SHA-256.
   *
   * @throws ERR_TANGSHI_INVALID_ARG if the seed is not an integer.
   */
  static of(seed: number | bigint, ...labels: readonly (string | number)[]): Rng {
    if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
      throw new TangshiError('ERR_TANGSHI_INVALID_ARG', `Expected an integer for seed but received ${seed}`);
    }
    const name = JSON.stringify([String(seed), ...labels.map(String)]);
    const hash = sha256(name);
    const { buffer, byteOffset } = hash;
    const word = (i: number) => new DataView(buffer, byteOffset).getUint32(4 * i, true);
    return new Rng([word(0), word(1), word(2), word(3)]);
  }

  /** Uniform over 0 … 2^32 - 1. */
  uint32(): number {
    const s = this.#state as Uint32Array & [number, number, number, number];
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** Uniform over 0 … bound - 1, without modulo bias; 1 <= bound <= 2^32. */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > WORD) {
      throw new TangshiError(
        'ERR_TANGSHI_INVALID_ARG',
        `Expected an integer from 1 to 2^32 for bound but received ${bound}`,
      );
    }
    const limit = WORD - (WORD % bound); // larger words would favour small results
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % bound;
  }

  /** Fisher–Yates shuffle, in place. Returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const item = items[last] as T;
      items[last] = items[other] as T;
      items[other] = item;
    }
    return items;
  }
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
