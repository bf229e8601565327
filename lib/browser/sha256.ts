import { sha256 as sha256Of } from '@noble/hashes/sha2.js';
import type * as node from '../util/sha256';

export { sha256Of };

/** Browsers have only an asynchronous one. */
export const sha256: typeof node.sha256 = (text) => sha256Of(new TextEncoder().encode(text));
