import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { decoderOf, type Encoding, encodingOf } from '../../lib/data/encoding';
import { diskError } from '../../lib/util/disk';

/**
 * The text of a file, or of stdin for `-`, without control sequences.
 *
 * @param encoding Default: recognised.
 */
export async function readText(file: string, encoding?: Encoding): Promise<string> {
  const bytes = await readBytes(file);
  const text = decoderOf(encodingOf(bytes, file, encoding)).decode(bytes);
  return text.replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n\t]/gu, '');
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return file === '-' ? await buffer(process.stdin) : await readFile(file);
  } catch (error) {
    throw diskError('read', file, error);
  }
}
