import { sha256 as hash } from '@noble/hashes/sha2.js';
import type * as node from '../util/sha256';

/** Browsers have only an asynchronous one. */
export const sha256: typeof node.sha256 = (text) => hash(new TextEncoder().encode(text));
