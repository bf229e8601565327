import type { GenerateOptions, ModelConfig, TensorMap } from '../native/contract';
import type { ErrorCode } from '../util/errors';

/** A call, as the page sends it to the worker. The model is opened once, before other calls. */
export type Call =
  | Readonly<{ name: 'open'; model: ModelConfig; tensors: TensorMap }>
  | Readonly<{ name: 'generate'; prompts: readonly Int32Array[]; options: GenerateOptions; watch: boolean }>
  | Readonly<{ name: 'score'; sequences: readonly Int32Array[] }>
  | Readonly<{ name: 'next'; ids: Int32Array }>;
/** With the number that its replies have. */
export type Request = Readonly<{ number: number; call: Call }>;

/** What the worker sends: ids as they are drawn, if the call asked for them, then a result or an error. */
export type Reply = Readonly<{ number: number }> &
  (
    | Readonly<{ kind: 'token'; prompt: number; id: number }>
    | Readonly<{ kind: 'result'; result: unknown }>
    | Readonly<{ kind: 'error'; code: ErrorCode; message: string }>
  );
