import type { Inference } from '../model/language-model';
import type { GenerateOptions, ModelConfig, OnToken, Sample, TensorMap } from '../native/contract';
import type { CallOptions, GenerateCallOptions } from '../native/job';
import { AbortError, TangshiError, throwIfAborted } from '../util/errors';
import type { Call, Reply, Request } from './protocol';

/** A call in progress. */
type Pending = Readonly<{
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  onToken: OnToken | undefined;
}>;

/**
 * A model in a worker. Calls run in order. An aborted call is rejected at once; the worker finishes what it has begun,
 * and its result is dropped.
 */
export class WorkerSession implements Inference {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  /** Why there can be no more calls. */
  #ended: TangshiError | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const reason = event.message || 'its script cannot be loaded';
      this.#end(new TangshiError('ERR_TANGSHI_ADDON', `The worker of the model failed: ${reason}`));
    };
  }

  /**
   * Builds a model from its weights, in F32 or F16. Their memory is handed over to the worker.
   *
   * @throws ERR_TANGSHI_ADDON if the worker does not start. ERR_TANGSHI_SHAPE if the weights do not match the
   * configuration. ERR_TANGSHI_OUT_OF_MEMORY, AbortError
   */
  static async open(
    model: ModelConfig,
    tensors: TensorMap,
    { signal }: CallOptions = {},
  ): Promise<WorkerSession> {
    const session = new WorkerSession(startWorker());
    const buffers = new Set(Object.values(tensors).map(({ data }) => data.buffer as ArrayBuffer));
    try {
      await session.#call({ name: 'open', model, tensors }, { signal }, [...buffers]);
      return session;
    } catch (error) {
      await session.dispose();
      throw error;
    }
  }

  generate(
    prompts: readonly Int32Array[],
    options: GenerateOptions,
    callOptions: GenerateCallOptions = {},
  ): Promise<Sample[]> {
    const watch = callOptions.onToken !== undefined;
    return this.#call({ name: 'generate', prompts, options, watch }, callOptions);
  }

  score(sequences: readonly Int32Array[], options: CallOptions = {}): Promise<Float32Array[]> {
    return this.#call({ name: 'score', sequences }, options);
  }

  next(ids: Int32Array, options: CallOptions = {}): Promise<Float32Array> {
    return this.#call({ name: 'next', ids }, options);
  }

  /** Ends the worker at once. */
  async dispose(): Promise<void> {
    this.#end(new TangshiError('ERR_TANGSHI_DISPOSED', 'The model was disposed'));
  }

  async #call<Result>(
    call: Call,
    { signal, onToken }: GenerateCallOptions,
    transfer: Transferable[] = [],
  ): Promise<Result> {
    throwIfAborted(signal);
    if (this.#ended) throw this.#ended;
    const number = this.#calls++;
    const abort = () => {
      this.#pending.get(number)?.reject(new AbortError(signal?.reason));
      this.#pending.delete(number);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.#pending.set(number, { resolve: resolve as Pending['resolve'], reject, onToken });
        this.#worker.postMessage({ number, call } satisfies Request, transfer);
      });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #receive(reply: Reply): void {
    const pending = this.#pending.get(reply.number);
    if (reply.kind === 'token') {
      pending?.onToken?.(reply.prompt, reply.id);
      return;
    }
    this.#pending.delete(reply.number);
    if (reply.kind === 'result') pending?.resolve(reply.result);
    else pending?.reject(new TangshiError(reply.code, reply.message));
  }

  #end(reason: TangshiError): void {
    this.#ended ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}

function startWorker(): Worker {
  try {
    // Bundlers recognize this expression, and add the worker's script to what they make.
    return new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });
  } catch (error) {
    if ((error as Error).name !== 'SecurityError') throw error;
    // This module is from another origin: a worker has to be from the page's own, but may import scripts of others.
    const script = `import ${JSON.stringify(new URL('./worker.mjs', import.meta.url).href)};`;
    return new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), {
      type: 'module',
    });
  }
}
