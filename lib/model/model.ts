import { checkOptions } from '../config/schemas';
import { type DeviceRequest, resolveDevice } from '../native/device';
import type { InferenceSession } from '../native/inference-session';
import { usableCpus } from '../util/cpus';
import { TangshiError, throwIfAborted } from '../util/errors';
import { LanguageModel } from './language-model';
import { type ModelFile, type ModelSource, openSession, readModel } from './load';
import { BUNDLED_MODEL } from './model-files';

/** How to load a model. */
export type LoadOptions = Readonly<{
  /** Default: `cpu`, which starts fast and is fast enough for a few poems at a time. */
  device?: DeviceRequest;
  /** CPU threads. Default: the number of CPUs available to this process, but at most 4. */
  threads?: number;
  /** Abort to stop loading. */
  signal?: AbortSignal;
}>;

const MAX_DEFAULT_THREADS = 4;

/**
 * A trained model. Calls may overlap: they are queued, and none blocks the event loop. Every method rejects with
 * ERR_TANGSHI_DISPOSED after `dispose`.
 *
 * @example
 * const model = await Model.load();
 * const { lines } = await model.generate({ prompt: '湖', form: '七绝' });
 * console.log(lines.join('\n'));
 * await model.dispose();
 */
export class Model extends LanguageModel<InferenceSession> {
  /** Path of the checkpoint; undefined for a model loaded from bytes. */
  readonly path: string | undefined;

  private constructor(session: InferenceSession, { checkpoint, path }: ModelFile) {
    super(session, checkpoint);
    this.path = path;
  }

  /**
   * Loads a model. Reads nothing from the working directory unless asked to.
   *
   * @param source A checkpoint, or a run folder: its best checkpoint, or its last if there is no best. Default: the
   * bundled model.
   * @param options `device`: default `cpu`. `threads`: CPU threads, default the number of CPUs available to this
   * process, but at most 4. `signal`: abort to stop loading.
   * @throws ERR_TANGSHI_NO_MODEL if there is none at the path. ERR_TANGSHI_CHECKPOINT if it is damaged.
   * ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_DEVICE, ERR_TANGSHI_ADDON, ERR_TANGSHI_IO, AbortError
   * @example
   * await using model = await Model.load('runs/mine', { threads: 2 });
   */
  static async load(source: ModelSource = BUNDLED_MODEL, options: LoadOptions = {}): Promise<Model> {
    checkOptions('load', options);
    const { device = 'cpu', threads = Math.min(MAX_DEFAULT_THREADS, usableCpus()), signal } = options;
    throwIfAborted(signal);
    const file = await readModel(source);
    throwIfAborted(signal);
    const session = await openSession(file, await resolveDevice(device), threads);
    try {
      throwIfAborted(signal);
    } catch (error) {
      await session.dispose();
      throw error;
    }
    return new Model(session, file);
  }
}

/**
 * Checks the model argument of a function.
 *
 * @throws ERR_TANGSHI_INVALID_ARG, for example if it is a promise.
 */
export function requireModel(model: Model): Model {
  if (model instanceof Model) return model;
  const isPromise = typeof (model as { then?: unknown } | undefined)?.then === 'function';
  throw new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    isPromise
      ? 'Expected a Model but received a promise: is an await missing before Model.load()?'
      : `Expected a Model but received ${model === null ? 'null' : typeof model}`,
  );
}
