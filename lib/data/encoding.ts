import { TangshiError } from '../util/errors';

/** The encodings of text files that can be read. */
export const ENCODINGS = ['utf-8', 'gb18030', 'big5', 'utf-16le', 'utf-16be'] as const;
/** The encoding of a text file. `gb18030` includes GBK and GB2312. */
export type Encoding = (typeof ENCODINGS)[number];

/** Decodes text in chunks. Invalid bytes become U+FFFD. Keeps a BOM in UTF-8, as Python does. */
export function decoderOf(encoding: Encoding): InstanceType<typeof TextDecoder> {
  return new TextDecoder(encoding, { ignoreBOM: encoding === 'utf-8' });
}

/**
 * The encoding of a text: the given one, UTF-16 if it begins with a byte order mark, otherwise UTF-8.
 *
 * @param head The first bytes, or all.
 * @throws ERR_TANGSHI_CORPUS that names the encodings, if the text is clearly not in this one.
 */
export function encodingOf(head: Uint8Array, path: string, given?: Encoding): Encoding {
  if (given !== undefined && given !== 'utf-8' && isClearlyUtf8(head))
    throw new TangshiError('ERR_TANGSHI_CORPUS', `${path} is UTF-8: omit encoding`, { option: 'encoding' });
  const encoding = given ?? announcedEncoding(head);
  if (!isDamaged(decode(head, encoding))) return encoding;
  const others = ENCODINGS.filter((other) => other !== encoding).join(', ');
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `${path} is not ${encoding.toUpperCase()}: save it as UTF-8, or set encoding to one of ${others}`,
    { option: 'encoding' },
  );
}

function announcedEncoding([first, second]: Uint8Array): Encoding {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return 'utf-8';
}

/** The last character may be cut off. */
function decode(head: Uint8Array, encoding: Encoding): string {
  return decoderOf(encoding).decode(head, { stream: true });
}

/** Whether more than half of the lines have invalid bytes or NUL. */
function isDamaged(text: string): boolean {
  const lines = text.split(/\r\n?|\n/).filter((line) => line !== '');
  return lines.filter((line) => /[\uFFFD\0]/.test(line)).length * 2 > lines.length;
}

/** A few characters of another encoding may be valid UTF-8 by chance. */
const MIN_CHARACTERS = 10;

function isClearlyUtf8(head: Uint8Array): boolean {
  const text = decode(head, 'utf-8');
  return !/[\uFFFD\0]/.test(text) && (text.match(/\p{Script=Han}/gu)?.length ?? 0) >= MIN_CHARACTERS;
}
