import { type ErrorCode, TangshiError } from '../util/errors';
import { commandLine } from '../util/package-root';
import { addon } from './addon';
import type {
  Batch,
  Device,
  Job,
  NativeSession,
  Sample,
  SampleOptions,
  SessionConfig,
  StepOptions,
  StepStats,
  TensorMap,
} from './contract';

/** `auto` is the first GPU where there is one that can be used, else the CPU; `cuda` is `cuda:0`. */
export type DeviceRequest = 'auto' | 'cuda' | Device;

/**
 * The device that a request means on this machine.
 *
 * @throws EARG for a device of another name. EDEVICE when CUDA is asked for and there is none. EADDON
 * @example
 * const device = await resolveDevice('auto'); // 'cpu' or 'cuda:0'
 */
export async function resolveDevice(request: DeviceRequest): Promise<Device> {
  if (!/^(auto|cpu|cuda(:\d{1,2})?)$/.test(request)) {
    throw new TangshiError(
      'EARG',
      `Expected auto, cpu, cuda or cuda:N for the device but received ${request}`,
    );
  }
  if (request === 'cpu') return 'cpu';
  const { devices, problem } = await addon().findCuda();
  if (request === 'auto') return problem === undefined ? 'cuda:0' : 'cpu';
  const device: Device = request === 'cuda' ? 'cuda:0' : request;
  if (problem === undefined && Number(device.slice('cuda:'.length)) < devices.length) return device;
  const there =
    devices.length === 1 ? 'there is cuda:0 alone' : `there are cuda:0 to cuda:${devices.length - 1}`;
  throw new TangshiError(
    'EDEVICE',
    `${device} was asked for, but ${problem ?? there}. ${commandLine('doctor')} says more; --device cpu works everywhere`,
  );
}

/** Why a GPU that is there is not taken by `auto`. */
export async function unusedGpu(): Promise<string | undefined> {
  const { devices, problem } = await addon().findCuda();
  return problem !== undefined && devices[0] ? `${devices[0].name} is not used: ${problem}` : undefined;
}

/**
 * A model with its optimizer, living on a thread of its own. Calls queue up and are done in order; none blocks the
 * event loop. All reject with a TangshiError: EARG or ESHAPE for arguments that cannot be used, EOOM, ETORCH,
 * ECANCELED on abort, EDISPOSED after `dispose`.
 *
 * @example
 * const session = await Session.open({ model, optimizer, device: 'cpu', seed: 1n, threads: 2 });
 * const [{ loss }] = await session.train([batcher.next()], { lr: 0.002, clipNorm: 1 });
 * await session.dispose();
 */
export class Session {
  readonly #native: NativeSession;
  #disposed: Promise<void> | undefined;

  private constructor(native: NativeSession) {
    this.#native = native;
  }

  /**
   * Builds a model with new weights. libtorch looks for CUDA once: where the first session of a process is on the CPU, all
   * of them are.
   */
  static async open(config: SessionConfig): Promise<Session> {
    return new Session(await coded(addon().openSession(config)));
  }

  /**
   * One optimizer step a batch. On abort, resolves with the steps that were done. A GPU is asked for losses once a call:
   * give it many batches.
   */
  async train(batches: readonly Batch[], options: StepOptions, signal?: AbortSignal): Promise<StepStats[]> {
    if (signal?.aborted) return [];
    return run(this.#native.train(batches, options), signal);
  }

  /** NLL in nats, summed over all real targets, and their count. */
  async evaluate(batches: readonly Batch[], signal?: AbortSignal): Promise<{ nll: number; tokens: number }> {
    refuseIfAborted(signal);
    return run(this.#native.evaluate(batches), signal);
  }

  /** One sequence of ids a prompt. `onDrawn` is told of each id as it is drawn, with its prompt's index. */
  async sample(
    prompts: readonly Int32Array[],
    options: SampleOptions,
    signal?: AbortSignal,
    onDrawn?: (prompt: number, id: number) => void,
  ): Promise<Sample[]> {
    refuseIfAborted(signal);
    return run(this.#native.sample(prompts, options, onDrawn), signal);
  }

  /** Weights, optimizer and generator, between two steps. */
  snapshot(): Promise<TensorMap> {
    return coded(this.#native.snapshot());
  }

  /**
   * The inverse of `snapshot`, all or nothing; weights alone will do: the optimizer then starts afresh. ESHAPE where a
   * tensor of the model is missing, or one is of another shape or no part of it.
   */
  restore(tensors: TensorMap): Promise<void> {
    return coded(this.#native.restore(tensors));
  }

  /** Cancels what is queued, waits for the step in progress and frees the model. May be called again. */
  dispose(): Promise<void> {
    this.#disposed ??= coded(this.#native.dispose());
    return this.#disposed;
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function refuseIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new TangshiError('ECANCELED', 'The job was cancelled', { cause: signal.reason });
}

async function run<T>(job: Job<T>, signal: AbortSignal | undefined): Promise<T> {
  const cancel = () => job.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await coded(job.done);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** The addon's errors carry a code; here they become TangshiErrors, with the stack of the caller. */
async function coded<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    // What a getter of the caller's threw has no code.
    const { code = 'EARG', message = String(error) } = Object(error) as {
      code?: ErrorCode;
      message?: string;
    };
    throw new TangshiError(code, message, { cause: error });
  }
}
