import type { Vocab } from '../data/vocab';

/** A character of a scored poem. */
export type ScoredCharacter = Readonly<{
  /** The character; empty for the end of the poem. */
  char: string;
  /** Its log-probability given all characters before it, in nats. */
  logProb: number;
}>;

/** How well a model predicts a poem. */
export type Score = Readonly<{
  /** Mean negative log-likelihood in nats per character, including punctuation and the end. */
  nll: number;
  /** e^nll. */
  perplexity: number;
  /** In order, the end last. */
  chars: readonly ScoredCharacter[];
}>;

/** A character that may come next. */
export type NextCharacter = ScoredCharacter &
  Readonly<{
    /** e^logProb, from 0 to 1. */
    probability: number;
  }>;

/**
 * @param text The scored characters, without begin and end.
 * @param logProbs `[characters + 1]`: of each character and of the end.
 */
export function toScore(text: string, logProbs: Float32Array): Score {
  const chars = [...text, ''].map((char, i) => ({ char, logProb: logProbs[i] as number }));
  const nll = -chars.reduce((sum, { logProb }) => sum + logProb, 0) / chars.length;
  return { nll, perplexity: Math.exp(nll), chars };
}

/**
 * The `top` most likely characters, most likely first, without those that are never generated.
 *
 * @param logProbs `[vocabSize]`
 */
export function likeliest(logProbs: Float32Array, vocab: Vocab, top: number): NextCharacter[] {
  const ids = Array.from(logProbs.keys()).filter((id) => id !== vocab.bos && !vocab.banned.includes(id));
  return ids
    .sort((a, b) => (logProbs[b] as number) - (logProbs[a] as number))
    .slice(0, top)
    .map((id) => {
      const logProb = logProbs[id] as number;
      const char = id === vocab.eos ? '' : vocab.decode([id]);
      return { char, logProb, probability: Math.exp(logProb) };
    });
}
