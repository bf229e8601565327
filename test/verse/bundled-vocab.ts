import type { Vocab } from '../../lib/data/vocab';
import { readModel } from '../../lib/model/load';
import { BUNDLED_MODEL } from '../../lib/model/model-files';

/** The vocabulary of the bundled model, which has enough characters for every rhyme. */
export async function bundledVocab(): Promise<Vocab> {
  return (await readModel(BUNDLED_MODEL)).checkpoint.vocab;
}
