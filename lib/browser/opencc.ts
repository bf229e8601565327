import { Converter } from 'opencc-js/t2cn';
import { TangshiError } from '../util/errors';
import type * as node from '../util/opencc';
import { loadPart } from './load-part';

let toTraditional: node.Converter | undefined;

/** Loads the converter to traditional characters, a megabyte. */
export async function loadTraditional(): Promise<void> {
  if (toTraditional) return;
  const { Converter } = await loadPart(() => import('opencc-js/cn2t'));
  toTraditional = Converter({ from: 'cn', to: 't' });
}

export const openccConverter: typeof node.openccConverter = (direction) => {
  if (direction === 'to-simplified') return Converter({ from: 't', to: 'cn' });
  if (toTraditional) return toTraditional;
  throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'The converter to traditional characters is not loaded');
};
