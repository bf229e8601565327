/**
 * The worker of one model: its calls block, so the page makes them here.
 *
 * @module
 */

import { TangshiError } from '../util/errors';
import type { Call, Reply, Request } from './protocol';
import { WasmWriter } from './wasm-writer';

let opened: WasmWriter | undefined;

self.onmessage = async ({ data: { number, call } }: MessageEvent<Request>) => {
  const send = (reply: Reply) => self.postMessage(reply);
  try {
    const onToken = (prompt: number, id: number) => send({ number, kind: 'token', prompt, id });
    send({ number, kind: 'result', result: await answer(call, onToken) });
  } catch (error) {
    const { message } = error as Error;
    const code = error instanceof TangshiError ? error.code : 'ERR_TANGSHI_ADDON';
    send({ number, kind: 'error', code, message });
  }
};

async function answer(call: Call, onToken: (prompt: number, id: number) => void): Promise<unknown> {
  if (call.name === 'open') {
    const writer = new WasmWriter(await compile());
    writer.open(call.model, call.tensors);
    opened = writer;
    return undefined;
  }
  const writer = opened as WasmWriter;
  switch (call.name) {
    case 'generate':
      return writer.generate(call.prompts, call.options, call.watch ? onToken : undefined);
    case 'score':
      return writer.score(call.sequences);
    case 'next':
      return writer.next(call.ids);
  }
}

/** Not streaming, for which servers would have to know the type of the file. */
async function compile(): Promise<WebAssembly.Module> {
  const url = new URL('./writer.wasm', import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be loaded: ${response.status} ${response.statusText}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
