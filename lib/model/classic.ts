import { checkOptions } from '../config/schemas';
import type { Vocab } from '../data/vocab';
import type { Sample } from '../native/contract';
import type { CallOptions } from '../native/job';
import { TangshiError } from '../util/errors';
import { requireString } from '../util/guards';
import type { GenerateSequences } from './draft-queue';
import { type Model, requireModel } from './model';
import { checkTextLength } from './poem-request';

/** The original program stops when the poem is longer than this. */
const MAX_LENGTH = 30;
/** The original program prints only pieces longer than this. */
const MIN_PIECE = 10;

/**
 * The output of the original program for a prompt. It decodes greedily, without a begin character, and prints only the
 * pieces between `。` that are longer than 10 characters. Often there are none.
 *
 * @param begin One or more characters.
 * @param options `signal`: abort to stop.
 * @returns The printed lines.
 * @throws ERR_TANGSHI_VOCAB if the model does not know a character. ERR_TANGSHI_INVALID_ARG for an empty prompt.
 * ERR_TANGSHI_DISPOSED, AbortError
 * @example
 * const model = await Model.load('runs/classic');
 * console.log((await classicPoem(model, '湖')).join('\n'));
 */
export async function classicPoem(model: Model, begin: string, options: CallOptions = {}): Promise<string[]> {
  const { session, vocab } = requireModel(model);
  requireString(begin, 'begin');
  checkTextLength('begin', begin);
  checkOptions('call', options);
  const { signal } = options;
  return printClassic((...call) => session.generate(...call), vocab, begin, { signal });
}

/** The same with the `generate` method of any session. */
export async function printClassic(
  generate: GenerateSequences,
  vocab: Vocab,
  begin: string,
  { signal }: CallOptions = {},
): Promise<string[]> {
  const prompt = vocab.encode(begin);
  if (prompt.length === 0)
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'The original program needs at least one character');
  const sampling = {
    // It compares the length after adding a character.
    maxNewTokens: Math.max(1, MAX_LENGTH + 1 - prompt.length),
    endId: vocab.eos,
    banned: vocab.banned,
    temperature: 0,
    topK: 0,
    topP: 1,
  };
  const [sample] = (await generate([prompt], sampling, { signal })) as [Sample];
  // The end character counts as part of its poem.
  const poem = begin + vocab.decode(sample.ended ? [...sample.ids, vocab.eos] : sample.ids);
  return poem
    .split('。')
    .filter((piece) => [...piece].length > MIN_PIECE)
    .map((piece) => `${piece}。`);
}
