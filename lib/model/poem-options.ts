import type { FormOptions } from '../verse/form-options';

/**
 * How to generate a poem without choosing among drafts. `maxLength` is for poems without a form; `rhyme`, `tone`,
 * `rhymeGroup`, `rhymeBook` and `lines` need a form.
 */
export type StreamOptions = FormOptions &
  Readonly<{
    /** Beginning of the poem; at most 1,000 UTF-16 units. Default: empty. */
    prompt?: string;
    /**
     * What the poem is about, such as 春江夜别; at most 1,000 UTF-16 units. Its Han characters count, up to 20 of them. Needs
     * a model that has learned titles. Default: none; of a ci, its tune.
     */
    title?: string;
    /**
     * The same in words of today, separated by spaces, such as 中秋 想念 妈妈: the title is made of what poets called them.
     * At most 1,000 UTF-16 units.
     */
    theme?: string;
    /** Lines that the poem follows, but does not include; at most 1,000 UTF-16 units. Default: none. */
    context?: string;
    /** Highest number of characters, including prompt and punctuation. Default: 80, or 40 more than a long prompt; 300 and 150 for a model of ci (`songci`). */
    maxLength?: number;
    /** Randomness: below 1 favours likely characters, 0 always takes the most likely one. Default: 0.8. */
    temperature?: number;
    /** Draw from the k most likely characters; 0 for all. Default: 0. */
    topK?: number;
    /** Draw from the most likely characters whose probabilities add up to this value. Default: 0.95. */
    topP?: number;
    /**
     * Subtracted from the logit of a character for each of its occurrences in the poem, in nats. Default: 2 in a form,
     * otherwise 0.
     */
    repetitionPenalty?: number;
    /** Search for the most likely poem with a beam of this width instead of drawing one; 1 to 1,000. */
    beam?: number;
    /** An integer >= 0. The same model, options and seed give the same poem. Default: random. */
    seed?: number;
    /** Abort to stop between two characters. */
    signal?: AbortSignal;
  }>;

/** How to generate a poem. */
export type PoemOptions = StreamOptions &
  Readonly<{
    /**
     * Number of drafts, 1 to 1,000. The result is the most likely one; repeated characters and lines of the training
     * poems count against it. Default: 32 in a form, otherwise 1.
     */
    bestOf?: number;
    /** Script of the result. Default: that of the corpus that the model was trained on; simplified for the built-in ones. */
    script?: 'simplified' | 'traditional';
  }>;

/** A generated poem. */
export type Poem = Readonly<{
  /** The complete poem, including the prompt, without line breaks. */
  text: string;
  /** What the poem was asked to be about: the Han characters of `title`, or the title that `theme` became. */
  title?: string;
  /** One sentence per line; in a form with lines of one length, its lines. */
  lines: readonly string[];
  /** Number of lines in each stanza (片): two of them in most ci. */
  stanzaLengths: readonly number[];
  /**
   * Whether the model ended the poem. Otherwise it reached `maxLength` and was cut after its last complete sentence.
   */
  complete: boolean;
  /** Log-probability of the generated characters under the model, in nats, including any that were cut. */
  logProb: number;
  /** The seed that generates this poem again. */
  seed: number;
}>;
