import { throwIfAborted } from '../util/errors';
import { addon } from './addon';
import type {
  Batch,
  GenerateOptions,
  NativeTrainingSession,
  Sample,
  StepOptions,
  StepStats,
  TensorMap,
  TrainingConfig,
} from './contract';
import { type CallOptions, type GenerateCallOptions, runJob, withLibraryErrors } from './job';

/**
 * A model with its optimizer, on its own thread. Calls are queued and run in order; none blocks the event
 * loop. Every method rejects with ERR_TANGSHI_INVALID_ARG or ERR_TANGSHI_SHAPE for invalid arguments,
 * ERR_TANGSHI_OUT_OF_MEMORY, ERR_TANGSHI_LIBTORCH, or ERR_TANGSHI_DISPOSED after `dispose`; with an
 * AbortError when `signal` is aborted.
 *
 * @example
 * const session = await TrainingSession.open({ model, optimizer, device: 'cpu', seed: 1n, threads: 2 });
 * const [{ loss }] = await session.train([batcher.next()], { lr: 0.002, clipNorm: 1 });
 * await session.dispose();
 */
export class TrainingSession {
  readonly #native: NativeTrainingSession;
  #disposed: Promise<void> | undefined;

  private constructor(native: NativeTrainingSession) {
    this.#native = native;
  }

  /**
   * Builds a model with new weights. libtorch looks for CUDA once: after a training session on the CPU,
   * sessions on a GPU (of both kinds) are rejected in the same process with ERR_TANGSHI_DEVICE.
   */
  static async open(config: TrainingConfig): Promise<TrainingSession> {
    return new TrainingSession(await withLibraryErrors(addon().TrainingSession.open(config)));
  }

  /**
   * Takes one optimizer step per batch. When aborted, resolves with the steps taken so far. A GPU's losses are read once
   * per call, so give it many batches.
   */
  async train(
    batches: readonly Batch[],
    options: StepOptions,
    { signal }: CallOptions = {},
  ): Promise<StepStats[]> {
    if (signal?.aborted) return [];
    return runJob(this.#native.train(batches, options), signal);
  }

  /** Negative log-likelihood in nats, summed over all targets except padding, and the number of these targets. */
  async evaluate(
    batches: readonly Batch[],
    { signal }: CallOptions = {},
  ): Promise<{ nll: number; tokens: number }> {
    throwIfAborted(signal);
    return runJob(this.#native.evaluate(batches), signal);
  }

  /** Continues each prompt with a sequence of ids, with the current weights, on the CPU. */
  async generate(
    prompts: readonly Int32Array[],
    options: GenerateOptions,
    { signal, onToken }: GenerateCallOptions = {},
  ): Promise<Sample[]> {
    throwIfAborted(signal);
    return runJob(this.#native.generate(prompts, options, onToken), signal);
  }

  /** Weights, optimizer state and random state, between two steps. */
  snapshot(): Promise<TensorMap> {
    return withLibraryErrors(this.#native.snapshot());
  }

  /**
   * Restores a snapshot: all of it, or nothing. Resets the optimizer if given only weights. ERR_TANGSHI_SHAPE
   * if a tensor of the model is missing, has another shape or is unknown.
   */
  restore(tensors: TensorMap): Promise<void> {
    return withLibraryErrors(this.#native.restore(tensors));
  }

  /** Cancels queued calls, waits for the step in progress and frees the model. Safe to call again. */
  dispose(): Promise<void> {
    this.#disposed ??= withLibraryErrors(this.#native.dispose());
    return this.#disposed;
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
