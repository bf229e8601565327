import { type RhymeBook, type RhymeBookName, rhymeBook } from '../verse/rhyme-book';
import { loadPinyin } from './pinyin';

/**
 * A rhyme book. The 中华通韵 is loaded when first asked for; `checkPoem` needs this before it can use it.
 *
 * @throws ERR_TANGSHI_INVALID_ARG for an unknown name.
 * @example
 * await loadRhymeBook('中华通韵');
 * checkPoem(text, { rhymeBook: '中华通韵' });
 */
export async function loadRhymeBook(name: RhymeBookName): Promise<RhymeBook> {
  if (name === '中华通韵') await loadPinyin();
  return rhymeBook(name);
}
