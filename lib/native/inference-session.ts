import { throwIfAborted } from '../util/errors';
import { addon, writerAddon } from './addon';
import type { GenerateOptions, InferenceConfig, NativeInferenceSession, Sample, TensorMap } from './contract';
import { type CallOptions, type GenerateCallOptions, runJob, withLibraryErrors } from './job';

/**
 * A model for generation, on its own thread. Its weights are in memory once, whatever the number of threads.
 * Calls are queued and run in order; none blocks the event loop. Every method rejects with
 * ERR_TANGSHI_INVALID_ARG or ERR_TANGSHI_SHAPE for invalid arguments, ERR_TANGSHI_OUT_OF_MEMORY, or
 * ERR_TANGSHI_DISPOSED after `dispose`; with an AbortError when `signal` is aborted.
 *
 * @example
 * const { config, vocab, tensors } = await readCheckpoint('runs/mine/best.safetensors');
 * const model = modelConfig(config, vocab.size);
 * const session = await InferenceSession.open({ model, device: 'cpu', threads: 2 }, weightsOf(tensors));
 * const [logProbs] = await session.score([vocab.encodePoem('床前明月光，疑是地上霜。')]);
 * await session.dispose();
 */
export class InferenceSession {
  readonly #native: NativeInferenceSession;
  #disposed: Promise<void> | undefined;

  private constructor(native: NativeInferenceSession) {
    this.#native = native;
  }

  /**
   * Builds a model from its weights, in F32, F16, or I8 with scales. ERR_TANGSHI_SHAPE if they do not match the configuration.
   */
  static async open(config: InferenceConfig, weights: TensorMap): Promise<InferenceSession> {
    const { InferenceSession: Native } = config.device === 'cpu' ? writerAddon() : addon();
    return new InferenceSession(await withLibraryErrors(Native.open(config, weights)));
  }

  /** Continues each prompt with a sequence of ids. */
  async generate(
    prompts: readonly Int32Array[],
    options: GenerateOptions,
    { signal, onToken }: GenerateCallOptions = {},
  ): Promise<Sample[]> {
    throwIfAborted(signal);
    return runJob(this.#native.generate(prompts, options, onToken), signal);
  }

  /** For each sequence: the log-probability of each id after the first, given those before it, in nats. */
  async score(sequences: readonly Int32Array[], { signal }: CallOptions = {}): Promise<Float32Array[]> {
    throwIfAborted(signal);
    return runJob(this.#native.score(sequences), signal);
  }

  /** `[vocabSize]`: the log-probability of each id after `ids`, in nats. */
  async next(ids: Int32Array, { signal }: CallOptions = {}): Promise<Float32Array> {
    throwIfAborted(signal);
    return runJob(this.#native.next(ids), signal);
  }

  /** Cancels queued calls, waits for the one in progress and frees the model. Safe to call again. */
  dispose(): Promise<void> {
    this.#disposed ??= withLibraryErrors(this.#native.dispose());
    return this.#disposed;
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
