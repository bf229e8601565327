import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Option } from 'commander';
import { checkPoem, formatCheck, TangshiError } from '../../lib';
import { decoderOf, ENCODINGS, type Encoding, encodingOf } from '../../lib/data/encoding';
import { poemsOf } from '../../lib/data/poem-rows';
import { diskError } from '../../lib/util/disk';
import { newCommand, run } from './command';

const command = newCommand('check', 'FILE')
  .description(
    'Checks poems against the rules of regulated verse: form, rhyme and tones. Separate poems by blank lines, or write\n' +
      'title:poem on each line. The exit code is 1 if a poem breaks a rule.',
  )
  .argument('<file>', 'a text file, or - for stdin')
  .addOption(new Option('--encoding <name>', 'encoding of the file (default: UTF-8)').choices(ENCODINGS))
  .option('--json', 'print one JSON object per poem, one per line')
  .action(async (file: string, { encoding, json }) => {
    const text = (await read(file, encoding)).replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n\t]/gu, ''); // no control sequences
    const poems = poemsOf(text);
    if (poems.length === 0) throw new TangshiError('ERR_TANGSHI_CORPUS', `${file} contains no poems`);
    for (const poem of poems) {
      const check = checkPoem(poem);
      process.stdout.write(json ? `${JSON.stringify(check)}\n` : `${formatCheck(check)}\n\n`);
      if (!check.rhyme?.ok || !check.tone?.ok) process.exitCode = 1;
    }
  });

async function read(file: string, encoding: Encoding | undefined): Promise<string> {
  const bytes = await readBytes(file);
  return decoderOf(encodingOf(bytes, file, encoding)).decode(bytes);
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return file === '-' ? await buffer(process.stdin) : await readFile(file);
  } catch (error) {
    throw diskError('read', file, error);
  }
}

run(command);
