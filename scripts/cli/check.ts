import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { checkPoem, formatCheck, TangshiError } from '../../lib';
import { decoderOf, type Encoding, encodingOf } from '../../lib/data/encoding';
import { poemsOf } from '../../lib/data/poem-rows';
import { diskError } from '../../lib/util/disk';
import { newCommand } from './command';
import { encodingOption } from './corpus-options';
import { t } from './language';

/** `tangshi check`. */
export function checkCommand(): Command {
  return newCommand('check', 'FILE')
    .description(
      t(
        'Check poems against the rules of regulated verse: form, rhyme and tones. Separate poems by blank lines, or write ' +
          'title:poem on each line. The exit code is 1 if a poem breaks a rule.',
        '检查诗是否合乎近体诗的格律：体裁、押韵、平仄。各首之间空一行，或每首写成一行：标题:诗。\n只要有一首不合格律，退出码就是 1。',
      ),
    )
    .argument('<file>', t('a text file, or - for stdin', '文本文件；- 表示标准输入'))
    .addOption(encodingOption())
    .option('--json', t('print one JSON object per poem, one per line', '每首诗输出一行 JSON'))
    .action(async (file: string, { encoding, json }) => {
      const text = (await read(file, encoding)).replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n\t]/gu, ''); // no control sequences
      const poems = poemsOf(text);
      if (poems.length === 0)
        throw new TangshiError(
          'ERR_TANGSHI_CORPUS',
          `${file === '-' ? 'The input' : file} contains no poems`,
        );
      for (const poem of poems) {
        const check = checkPoem(poem);
        process.stdout.write(json ? `${JSON.stringify(check)}\n` : `${formatCheck(check)}\n\n`);
        if (!check.rhyme?.ok || !check.tone?.ok) process.exitCode = 1;
      }
    });
}

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
