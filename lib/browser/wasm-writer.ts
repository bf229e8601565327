import type {
  GenerateOptions,
  LogitConstraint,
  ModelConfig,
  OnToken,
  Sample,
  TensorMap,
} from '../native/contract';
import { TangshiError } from '../util/errors';
import { MessageReader, MessageWriter } from './message';

/** In the order of `enum class Cell` in native/model/model_config.h. */
const CELLS = ['lstm', 'gru', 'rnn'] as const;
/** WASI's error number of a bad file descriptor. */
const BAD_FILE = 8;

/** The exports of native/wasm/writer.cc. Addresses are in bytes. */
type Exports = Readonly<{
  memory: WebAssembly.Memory;
  _initialize: () => void;
  /** Makes room for the arguments of the next call, in words. Returns its address. */
  receive: (words: number) => number;
  open: () => void;
  /** The others return the address of the result. */
  generate: () => number;
  score: () => number;
  next: () => number;
}>;

/** A model in WebAssembly. Calls block until they are done. After an error, it must not be used any more. */
export class WasmWriter {
  readonly #exports: Exports;
  #onToken: OnToken | undefined;

  /** @param module Compiled from native/wasm. */
  constructor(module: WebAssembly.Module) {
    const fail = (address: number, bytes: number, isInvalid: number) => {
      const message = this.#text(address, bytes);
      throw isInvalid ? new TangshiError('ERR_TANGSHI_SHAPE', message) : outOfMemory(new Error(message));
    };
    const onToken = (prompt: number, id: number) => this.#onToken?.(prompt, id);
    // The C library can write to files, but nothing here does.
    const noFiles = { fd_close: badFile, fd_seek: badFile, fd_write: badFile };
    const { exports } = new WebAssembly.Instance(module, {
      wasi_snapshot_preview1: noFiles,
      writer: { fail, onToken },
    });
    this.#exports = exports as Exports;
    this.#exports._initialize();
  }

  /**
   * Builds the model from its weights, in F32, F16, or I8 with scales.
   *
   * @throws ERR_TANGSHI_SHAPE if they do not match the configuration. ERR_TANGSHI_OUT_OF_MEMORY
   */
  open(model: ModelConfig, tensors: TensorMap): void {
    const message = new MessageWriter()
      .number(CELLS.indexOf(model.cell))
      .number(model.vocabSize)
      .number(model.embedDim)
      .number(model.hiddenDim)
      .number(model.layers)
      .number(model.tieWeights)
      .number(model.reluLogits)
      .number(Object.keys(tensors).length);
    for (const [name, { dtype, shape, data }] of Object.entries(tensors))
      message.text(name).text(dtype).array(Float64Array.from(shape)).array(data);
    this.#call(this.#exports.open, message);
  }

  /** Like `InferenceSession.generate`. */
  generate(prompts: readonly Int32Array[], options: GenerateOptions, onToken?: OnToken): Sample[] {
    this.#onToken = onToken;
    const message = new MessageWriter().arrays(prompts);
    writeOptions(message, options, prompts.length);
    message.number(onToken !== undefined);
    const result = this.#result(this.#exports.generate, message);
    return prompts.map(() => ({
      ids: result.array(Int32Array),
      ended: result.number() !== 0,
      logProb: result.number(),
    }));
  }

  /** Like `InferenceSession.score`. */
  score(sequences: readonly Int32Array[]): Float32Array[] {
    const result = this.#result(this.#exports.score, new MessageWriter().arrays(sequences));
    return sequences.map(() => result.array(Float32Array));
  }

  /** Like `InferenceSession.next`. */
  next(ids: Int32Array): Float32Array {
    return this.#result(this.#exports.next, new MessageWriter().array(ids)).array(Float32Array);
  }

  #result(call: () => number, message: MessageWriter): MessageReader {
    const address = this.#call(call, message) >>> 0; // WebAssembly has only signed numbers
    return new MessageReader(this.#exports.memory.buffer, address);
  }

  #call<T>(call: () => T, message: MessageWriter): T {
    try {
      const address = this.#exports.receive(message.words) >>> 0;
      message.writeTo(this.#exports.memory.buffer, address);
      return call();
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      // Without exceptions, the C++ library can only stop, which it does when it finds no memory.
      throw outOfMemory(error);
    }
  }

  #text(address: number, bytes: number): string {
    return new TextDecoder().decode(new Uint8Array(this.#exports.memory.buffer, address >>> 0, bytes));
  }
}

function outOfMemory(cause: Error): TangshiError {
  const message = `The model stopped, probably for lack of memory (${cause.message}): load it again`;
  return new TangshiError('ERR_TANGSHI_OUT_OF_MEMORY', message, { cause });
}

function badFile(): number {
  return BAD_FILE;
}

function writeOptions(message: MessageWriter, options: GenerateOptions, prompts: number): void {
  message
    .number(options.maxNewTokens)
    .number(options.preface ?? 1)
    .number(options.beam ?? 0)
    .array(options.seeds ?? new BigUint64Array(prompts))
    .array(options.streams ?? Uint32Array.from({ length: prompts }, (_, i) => i))
    .number(options.temperature)
    .number(options.topK)
    .number(options.topP)
    .number(options.endId)
    .number(options.minNewTokens ?? 0)
    .number(options.repetitionPenalty ?? 0)
    .array(options.repeatable ?? new Int32Array())
    .array(options.banned)
    .number(options.constraint !== undefined);
  if (options.constraint) writeConstraint(message, options.constraint);
}

function writeConstraint(
  message: MessageWriter,
  { masks, allowedGroups, groups, plans }: LogitConstraint,
): void {
  message.array(masks).array(allowedGroups).array(groups).arrays(plans);
}
