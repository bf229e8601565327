import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { checkPoem, formatCheck, TangshiError } from '../../lib';
import { diskError } from '../../lib/util/disk';
import { newCommand, run } from './command';

const command = newCommand('check', 'FILE')
  .description(
    'Checks poems (separated by blank lines) against the rules of regulated verse: form, rhyme and tones.\n' +
      'The exit code is 1 if a poem breaks a rule.',
  )
  .argument('<file>', 'a text file, or - for stdin')
  .option('--json', 'print one JSON object per poem, one per line')
  .action(async (file: string, { json }) => {
    const text = (await read(file)).replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n]/gu, ''); // no control sequences
    const poems = text.split(/\n\s*\n/).filter((poem) => poem.trim() !== '');
    if (poems.length === 0) throw new TangshiError('ERR_TANGSHI_CORPUS', `${file} contains no poems`);
    for (const poem of poems) {
      const check = checkPoem(poem);
      process.stdout.write(json ? `${JSON.stringify(check)}\n` : `${formatCheck(check)}\n\n`);
      if (!check.rhyme?.ok || !check.tone?.ok) process.exitCode = 1;
    }
  });

async function read(file: string): Promise<string> {
  try {
    return file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw diskError('read', file, error);
  }
}

run(command);
