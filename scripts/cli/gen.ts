import { Option } from 'commander';
import {
  annotate,
  classicPoem,
  generatePoems,
  judge,
  loadModel,
  type Model,
  type PoemOptions,
  Prosody,
  streamPoem,
  TangshiError,
} from '../../lib';
import { commandLine } from '../../lib/util/package-root';
import { integer, newCommand, number, run } from './command';

const command = newCommand('gen', '湖')
  .description('Writes a poem that begins with the given characters.')
  .argument('[beginning]', 'any number of characters', '')
  .option(
    '--model <path>',
    'a checkpoint or a run folder (default: the newest run, else the model in the box)',
  )
  .addOption(
    new Option('--preset <name>', 'classic: what the original program prints')
      .choices(['classic'])
      .conflicts(['temperature', 'topK', 'topP', 'greedy', 'count', 'maxLength', 'seed']),
  )
  .option('--form <form>', '五绝, 七绝, 五律, 七律, or lines x characters: 6x4')
  .option('--acrostic <characters>', 'which the lines begin with')
  .addOption(new Option('--rhyme <rule>', 'default: on in the fixed forms').choices(['on', 'off']))
  .addOption(
    new Option('--tone <rule>', 'level and oblique; default: loose in the fixed forms').choices([
      'strict',
      'loose',
      'off',
    ]),
  )
  .option('--rhyme-group <name>', 'of the thirty: 东, 冬, 江, …')
  .option('--mood <lines>', 'which the poem goes on from, but does not print')
  .option('--best-of <n>', 'drafts of each poem (32 in a form, else 1)', integer(1))
  .addOption(
    new Option('--beam <n>', 'search among so many for the likeliest poem, instead of drawing')
      .argParser(integer(1, 1000))
      .conflicts(['temperature', 'topK', 'topP', 'greedy', 'count', 'seed', 'bestOf']),
  )
  .option('--repetition-penalty <nats>', 'for each time a character stands already (2 in a form)', number(0))
  .option('--temperature <t>', 'below 1 tamer, above 1 bolder', number(0))
  .option('--top-k <k>', 'draw among the k likeliest characters', integer(0))
  .option('--top-p <p>', 'draw among the likeliest that together reach p', number(0, 1))
  .addOption(
    new Option('--greedy', 'always the likeliest character').conflicts([
      ...['temperature', 'topK', 'topP', 'count', 'seed'],
    ]),
  )
  .option('--count <n>', 'how many poems', integer(1))
  .option('--max-length <n>', 'characters at most', integer(1))
  .option('--seed <n>', 'the same poem again', integer(0))
  .option('--device <device>', 'auto, cpu, cuda or cuda:N', 'cpu')
  .option('--annotate', 'tones beneath the characters, rhymes, and what the rules say of it')
  .option('--json', 'one JSON object a poem, a line each')
  .action(
    async (
      beginning: string,
      { model: path, device, preset, greedy, json, rhyme, annotate: annotated, ...options },
    ) => {
      refuseFormAsBeginning(beginning);
      const model = await loadModel(path, { device });
      try {
        if (preset === 'classic') return printClassic(await classicPoem(model, beginning), json);
        const wishes = {
          prompt: beginning.replace(/[\r\n]+$/, ''), // a line end, where it came from a file
          ...options,
          ...(greedy && { temperature: 0, bestOf: 1 }),
          ...(rhyme && { rhyme: rhyme === 'on' }),
        };
        const one = (options.count ?? 1) === 1 && options.bestOf === undefined;
        if (process.stdout.isTTY && one && !json && !annotated && !options.form && !options.acrostic)
          return await printAsDrawn(model, wishes);
        const poems = await generatePoems(model, wishes);
        if (json) for (const poem of poems) process.stdout.write(`${JSON.stringify(poem)}\n`);
        else if (annotated) {
          const prosody = Prosody.load();
          process.stdout.write(poems.map(({ text }) => `${annotate(judge(text, prosody))}\n`).join('\n'));
        } else process.stdout.write(poems.map(({ lines }) => `${lines.join('\n')}\n`).join('\n'));
      } catch (error) {
        throw path === undefined ? withModel(error, model.path) : error;
      } finally {
        await model.dispose();
      }
    },
  );

/** Which model it was that does not know a character, nobody has said. */
function withModel(error: unknown, path: string): unknown {
  if (!(error instanceof TangshiError) || (error.code !== 'EVOCAB' && error.code !== 'EARG')) return error;
  return new TangshiError(error.code, `${error.message} (the model is ${path}; --model names another)`);
}

/** npm keeps --form to itself where -- is missing, and leaves its value. */
function refuseFormAsBeginning(beginning: string): void {
  if (!/^([五七][绝絕律]|\d+[x×]\d+)$/.test(beginning)) return;
  throw new TangshiError(
    'EARG',
    `To write in the form ${beginning}: ${commandLine('gen', `--form ${beginning}`)}`,
  );
}

/** On a terminal: a line a sentence; one that stays unfinished goes again. */
async function printAsDrawn(model: Model, options: PoemOptions): Promise<void> {
  const chars = streamPoem(model, options);
  let line = '';
  for (let next = await chars.next(); ; next = await chars.next()) {
    if (next.done) {
      // The poem may end without the sentence that the longest length cut off.
      if (line !== '') process.stdout.write(next.value.text.endsWith(line) ? '\n' : '\r\x1b[K');
      return;
    }
    const ends = /[。！？；]/u.test(next.value);
    process.stdout.write(ends ? `${next.value}\n` : next.value);
    line = ends ? '' : line + next.value;
  }
}

function printClassic(lines: readonly string[], json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify({ text: lines.join(''), lines })}\n`);
  else for (const line of lines) process.stdout.write(`${line}\n`);
  if (lines.length === 0) {
    process.stderr.write(
      'The original program prints nothing here: no piece is longer than 10 characters.\n',
    );
  }
}

run(command);
