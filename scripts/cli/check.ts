import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { annotate, judge, Prosody, TangshiError } from '../../lib';
import { newCommand, run } from './command';

const command = newCommand('check', 'FILE')
  .description(
    'Judges poems by the rules of regulated verse: form, rhyme, tone. Blank lines part them.\n' +
      'The exit code is 1 when one of them breaks a rule.',
  )
  .argument('<file>', 'of text, or - for stdin')
  .option('--json', 'one JSON object a poem, a line each')
  .action(async (file: string, { json }) => {
    const text = (await read(file)).replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n]/gu, ''); // no orders to the terminal
    const poems = text.split(/\n\s*\n/).filter((poem) => poem.trim() !== '');
    if (poems.length === 0) throw new TangshiError('ECORPUS', `${file} holds no poem`);
    const prosody = Prosody.load();
    for (const poem of poems) {
      const verdict = judge(poem, prosody);
      process.stdout.write(json ? `${JSON.stringify(verdict)}\n` : `${annotate(verdict)}\n\n`);
      if (!verdict.rhyme?.keeps || !verdict.tone?.keeps) process.exitCode = 1;
    }
  });

async function read(file: string): Promise<string> {
  try {
    return file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new TangshiError('EIO', `Cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

run(command);
