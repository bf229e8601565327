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
 * A model in a worker. Calls run in order. An aborted call is rejected at once; if the worker has begun it, later calls
 * wait until it is done. After an error of the worker, every call fails with it.
 */
export class WorkerSession implements Inference {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  /** Settles when the worker is done with the last call. */
  #last: Promise<unknown> = Promise.resolve();
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
   * Builds a model from its weights, in F32, F16, or I8 with scales. Their memory is handed over to the worker.
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

  /** Sends a call when those before it are done, unless it is aborted until then. */
  async #call<Result>(
    call: Call,
    { signal, onToken }: GenerateCallOptions,
    transfer: Transferable[] = [],
  ): Promise<Result> {
    const before = this.#last;
    const aborted = abortOf(signal);
    const result = before.then(() => {
      throwIfAborted(signal);
      if (this.#ended) throw this.#ended;
      return new Promise((resolve, reject) => {
        const number = this.#calls++;
        this.#pending.set(number, {
          resolve,
          reject,
          onToken: (...token) => signal?.aborted || onToken?.(...token),
        });
        this.#worker.postMessage({ number, call } satisfies Request, transfer);
      });
    });
    this.#last = result.catch(() => undefined);
    try {
      return (await Promise.race([result, aborted.rejection])) as Result;
    } finally {
      aborted.unlink();
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
    else {
      const error = new TangshiError(reply.code, reply.message);
      pending?.reject(error);
      this.#end(error); // nothing was freed, and the state of the module is unknown
    }
  }

  #end(reason: TangshiError): void {
    this.#ended ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}

/** A promise that rejects when the signal is aborted; and how to stop listening. */
function abortOf(signal: AbortSignal | undefined): { rejection: Promise<never>; unlink: () => void } {
  let abort: () => void = () => undefined;
  const rejection = new Promise<never>((_, reject) => {
    abort = () => reject(new AbortError(signal?.reason));
  });
  rejection.catch(() => undefined); // it may be aborted after the call
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return { rejection, unlink: () => signal?.removeEventListener('abort', abort) };
}

function startWorker(): Worker {
  const here = import.meta.url;
  try {
    // Bundlers recognize this expression, and add the worker's script to what they make.
    if (new URL(here).origin === location.origin)
      return new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });
    // A worker has to be from the page's own origin, but may import scripts of others.
    const script = `import ${JSON.stringify(new URL('./worker.mjs', here).href)};`;
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    return new Worker(url, { type: 'module' });
  } catch (error) {
    const { message } = error as Error;
    throw new TangshiError('ERR_TANGSHI_ADDON', `The page may not start a worker: ${message}`, {
      cause: error,
    });
  }
}
