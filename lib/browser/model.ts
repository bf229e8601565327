import { checkOptions } from '../config/schemas';
import type { Vocab } from '../data/vocab';
import { weightsOf } from '../model/checkpoint-format';
import { LanguageModel } from '../model/language-model';
import { modelConfig } from '../model/network';
import type { Poem, PoemOptions, StreamOptions } from '../model/poem-options';
import type { CallOptions } from '../native/job';
import { TangshiError } from '../util/errors';
import { type ModelSource, readModel } from './load';
import { loadTraditional } from './opencc';
import { loadRhymeBook } from './rhyme-book';
import { loadThemes } from './theme-table';
import { WorkerSession } from './worker-session';

/** The model of the package. Bundlers recognize this expression, and add the file to what they make. */
const BUNDLED_MODEL = () => new URL('../../models/tangshi.safetensors', import.meta.url);

/**
 * A trained model in a worker. Calls may overlap: they are queued, and none blocks the page. Every method rejects with
 * ERR_TANGSHI_DISPOSED after `dispose`.
 *
 * @example
 * const model = await Model.load('tangshi.safetensors');
 * const { lines } = await model.generate({ prompt: '湖', form: '七绝' });
 */
export class Model extends LanguageModel {
  /**
   * Loads a model.
   *
   * @param source URL of a checkpoint, relative to the page, or its bytes. Default: the model of the package.
   * @param options `signal`: abort to stop loading.
   * @throws ERR_TANGSHI_NO_MODEL if there is none at the URL, ERR_TANGSHI_IO if it cannot be downloaded,
   * ERR_TANGSHI_CHECKPOINT if it is damaged, ERR_TANGSHI_ADDON if the worker does not start. ERR_TANGSHI_INVALID_ARG,
   * ERR_TANGSHI_OUT_OF_MEMORY, AbortError
   * @example
   * const model = await Model.load('/models/mine.safetensors');
   */
  static async load(source: ModelSource = BUNDLED_MODEL(), options: CallOptions = {}): Promise<Model> {
    checkOptions('call', options);
    const checkpoint = await readModel(source, options);
    const { config, vocab, tensors } = checkpoint;
    if (isTraditional(vocab)) await loadTraditional();
    try {
      const model = modelConfig(config, vocab.size);
      return new Model(await WorkerSession.open(model, weightsOf(tensors), options), checkpoint);
    } catch (error) {
      if (!(error instanceof TangshiError) || error.code !== 'ERR_TANGSHI_SHAPE') throw error;
      const message = `The model does not match its own configuration: ${error.message}`;
      throw new TangshiError('ERR_TANGSHI_CHECKPOINT', message, { cause: error });
    }
  }

  override async generateMany(count: number, options: PoemOptions = {}): Promise<Poem[]> {
    checkOptions('generate', options);
    await loadDictionaries(options);
    return super.generateMany(count, options);
  }

  override async *stream(options: StreamOptions = {}): AsyncGenerator<string, Poem, void> {
    checkOptions('stream', options);
    await loadDictionaries(options);
    return yield* super.stream(options);
  }
}

/** Loads what only these options need. */
async function loadDictionaries({ script, rhymeBook, theme }: PoemOptions): Promise<void> {
  if (theme !== undefined) await loadThemes();
  if (script === 'traditional') await loadTraditional();
  if (rhymeBook === '中华通韵') await loadRhymeBook(rhymeBook);
}

/** Whether prompts in simplified characters have to be converted for a model. */
function isTraditional(vocab: Vocab): boolean {
  return vocab.has('雲') && !vocab.has('云');
}
