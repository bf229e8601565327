import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { Cleaner, readCorpus, TangshiError } from '../../../lib';
import { loadDataset } from '../../../lib/data/dataset';
import { Rng } from '../../../lib/util/rng';
import { type Figures, POEMS, type Torture } from './torture';

/** Bytes of memory for reading a corpus, in addition to its poems. */
const MOST_MEMORY = 400e6;
/** Matches clean poems, the only characters that may reach the network. */
const CLEAN = /^[\p{Script=Han}，。？！；：、]{5,80}$/u;

/**
 * Reads malformed corpora. Reading takes bounded memory and ends, with poems or with ERR_TANGSHI_CORPUS; accepted poems
 * are clean.
 *
 * @param torture.count Number of corpora made of mutated poems. The other corpora are fixed; their sizes grow with it.
 */
export async function corpora({ seed, count, folder, show }: Torture): Promise<Figures> {
  const rng = Rng.of(seed, 'corpora');
  const path = join(folder, 'corpus.txt');
  const figures = { corpora: 0, poems: 0, 'refused as a whole': 0, rejected: 0 };
  const read = async () => {
    const cleaner = new Cleaner('modern');
    try {
      for await (const record of readCorpus(path)) {
        const poem = cleaner.clean(record);
        if (poem !== undefined && !CLEAN.test(poem)) throw new Error(`Cleaning accepted: ${poem}`);
      }
    } catch (error) {
      if (!(error instanceof TangshiError) || error.code !== 'ERR_TANGSHI_CORPUS') throw error;
      figures['refused as a whole']++;
    }
    const { kept, read, rejected } = cleaner.tally;
    if (read !== kept + Object.values(rejected).reduce((sum, n) => sum + n, 0))
      throw new Error('The counts of records do not add up');
    figures.corpora++;
    figures.poems += kept;
    figures.rejected += read - kept;
    return cleaner.tally;
  };

  for (let i = 0; i < count; i++) {
    if (i % 500 === 0) show(`${i} of ${count} mutated corpora`);
    await writeFile(path, mutate(rng));
    await read();
  }
  const large = await largeOnes(path, count, read, show);
  await refusals(path);
  return { ...figures, ...large };
}

/** Bytes of poems, with the damage that editors, encodings and disks do. */
function mutate(rng: Rng): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0; i < 1 + rng.below(20); i++) {
    const line = Buffer.from(`诗${i}:${POEMS[rng.below(POEMS.length)]}`);
    const ways = [
      () => line,
      () => Buffer.from(line.map((byte) => (rng.below(30) === 0 ? rng.below(256) : byte))),
      () => line.subarray(rng.below(line.length)),
      () => Buffer.from(line.toString('utf8'), 'utf16le'),
      () => Buffer.from(STRANGE[rng.below(STRANGE.length)] as string),
      () => Buffer.concat([line, Buffer.from(STRANGE[rng.below(STRANGE.length)] as string), line]),
      () => Buffer.from({ length: rng.below(200) } as ArrayLike<number>).map(() => rng.below(256)),
      () =>
        Buffer.from(JSON.stringify([{ paragraphs: [line.toString(), STRANGE[rng.below(STRANGE.length)]] }])),
    ];
    pieces.push((ways[rng.below(ways.length)] as () => Buffer)());
    pieces.push(Buffer.from(['\n', '\r\n', '\r', '', '\n\n'][rng.below(5)] as string));
  }
  return Buffer.concat(pieces);
}

const STRANGE = [
  '\0',
  '\0\0\0\0',
  '\ufeff',
  '\ufffd',
  '\ufffe',
  '\u202e',
  '\u200b',
  '\u0301',
  '🀄',
  '𠀀',
  '\x1b[2J',
  '::',
  '：',
  '（',
  '）（',
  '[',
  '《》',
  '々',
  '々々',
  '，，，。。。',
  '□',
  '…',
  'E',
  'G',
  '{',
  '[[',
  '"',
  '\\',
  '__proto__',
  'constructor',
  '$(x)',
  '%s%n',
  '<script>',
  "'; drop table",
  '\u2028',
  '\x85',
];

/** A line of gigabytes, millions of lines, a large number of distinct characters. */
async function largeOnes(
  path: string,
  count: number,
  read: () => Promise<{ read: number; kept: number; rejected: Readonly<Record<string, number>> }>,
  show: (text: string) => void,
): Promise<Figures> {
  const gigabytes = count >= 1000 ? 5 : 0.1;
  const million = count >= 1000 ? 10 : 0.1;
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 50);
  try {
    show(`a line of ${gigabytes} GB`);
    const file = await open(path, 'w');
    // Poems, so that the file is taken for text; then NULs, which take no disk space (a sparse file).
    await file.write(`${POEMS[0]}\n`.repeat(4000));
    await file.truncate(gigabytes * 1e9);
    await file.close();
    const { rejected } = await read();
    if (rejected['too-long'] !== 1) throw new Error('A line of gigabytes was not skipped');
    const overLine = most - before;

    show(`${million} million lines`);
    const stream = createWriteStream(path);
    const block = `${POEMS.join('\n')}\n`.repeat(1000);
    for (let i = 0; i < (million * 1e6) / 8000; i++) {
      if (!stream.write(block)) await once(stream, 'drain');
    }
    stream.end();
    await finished(stream);
    const tally = await read();
    if (tally.kept !== POEMS.length) throw new Error(`${tally.kept} poems of ${POEMS.length} were kept`);
    if (most - before > MOST_MEMORY) throw new Error(`Reading took ${Math.round((most - before) / 1e6)} MB`);
    const figures = { 'line, GB': gigabytes, 'lines, million': million };
    return {
      ...figures,
      'memory for the line, MB': Math.round(overLine / 1e6),
      'memory at most, MB': Math.round((most - before) / 1e6),
    };
  } finally {
    clearInterval(watch);
  }
}

/** Files that are not corpora: each is rejected with an error that names it. A single poem is a valid corpus. */
async function refusals(path: string): Promise<void> {
  const refused: [string, string | Uint8Array][] = [
    ['nothing', ''],
    ['a line feed', '\n'],
    ['one character', '月'],
    ['NULs', Buffer.alloc(1000)],
    ['UTF-16 without a byte order mark', Buffer.from(POEMS[0] as string, 'utf16le')],
    ['a program', await readFile(process.execPath).then((bytes) => bytes.subarray(0, 200_000))],
    ['half a surrogate', '\ud800'.repeat(20)],
    ['JSON that ends early', '[{"paragraphs": ["床前'],
    ['JSON without poems', '[1, 2, {"a": [null]}]'],
    ['JSON a million levels deep', '['.repeat(1e6)],
    ['a poem longer than the limit', `题:${'山'.repeat(81)}。`],
  ];
  const options = { data: path, cleaning: 'modern', minCount: 1, heldOut: 0 } as const;
  for (const [what, content] of refused) {
    await writeFile(path, content);
    const error = await loadDataset(options).catch((reason) => reason);
    if (
      !(error instanceof TangshiError) ||
      error.code !== 'ERR_TANGSHI_CORPUS' ||
      !error.message.includes(path)
    )
      throw new Error(`${what}: ${error}`);
  }
  await writeFile(path, `题:${POEMS[0]}\r\n`);
  const one = await loadDataset(options);
  if (one.train.length !== 1) throw new Error('A corpus of one poem was not accepted');
  // More than 2^16 characters: all Han characters of Unicode.
  const han: string[] = [];
  for (let code = 0x3400; code < 0x33480; code++) {
    const char = String.fromCodePoint(code);
    if (/\p{Script=Han}/u.test(char) && char.normalize('NFKC') === char) han.push(char);
  }
  const lines: string[] = [];
  for (let i = 0; i + 7 <= han.length; i += 7) lines.push(`题:${han.slice(i, i + 7).join('')}。`);
  await writeFile(path, lines.join('\n'));
  const wide = await loadDataset(options);
  if (wide.vocab.size < 2 ** 16) throw new Error(`${wide.vocab.size} characters are fewer than 2^16`);
  const largest = Math.max(...wide.train.map((poem) => Math.max(...poem)));
  if (largest !== wide.vocab.size - 1)
    throw new Error(`The last of ${wide.vocab.size} characters has id ${largest}`);
}
