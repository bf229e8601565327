import { TangshiError } from '../util/errors';
import type * as node from '../verse/pinyin';
import { loadPart } from './load-part';

let pinyin: typeof import('pinyin-pro').pinyin | undefined;

/** Loads the readings of modern Mandarin, 300 KB. */
export async function loadPinyin(): Promise<void> {
  ({ pinyin } = await loadPart(() => import('pinyin-pro')));
}

export const pinyinReadings: typeof node.pinyinReadings = (char) => {
  if (pinyin) return pinyin(char, { type: 'all', toneType: 'symbol', multiple: true });
  throw new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    'The 中华通韵 is not loaded: await loadRhymeBook("中华通韵") first',
    { option: 'rhymeBook' },
  );
};
