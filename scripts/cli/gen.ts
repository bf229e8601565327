import { Option } from 'commander';
import {
  checkPoem,
  classicPoem,
  formatCheck,
  Model,
  type Poem,
  type PoemOptions,
  type StreamOptions,
  TangshiError,
} from '../../lib';
import { exampleCommand, integer, newCommand, number, run } from './command';
import { MODEL_HELP, modelOrDefault } from './default-model';
import { canRedraw } from './terminal';

const command = newCommand('gen', '湖')
  .description('Generates a poem that begins with the given characters.')
  .argument('[beginning]', 'any number of characters', '')
  .option('--model <path>', MODEL_HELP)
  .addOption(
    new Option('--preset <name>', 'classic: what the original program prints')
      .choices(['classic'])
      .conflicts(['temperature', 'topK', 'topP', 'greedy', 'count', 'maxLength', 'seed']),
  )
  .option('--form <form>', '五绝, 七绝, 五律, 七律, or lines x characters per line: 6x4')
  .option('--acrostic <characters>', 'first characters of the lines')
  .addOption(
    new Option('--rhyme <rule>', 'whether lines rhyme (default: on in the fixed forms)').choices([
      'on',
      'off',
    ]),
  )
  .addOption(
    new Option('--tone <rule>', 'tone pattern (default: loose in the fixed forms)').choices([
      'strict',
      'loose',
      'off',
    ]),
  )
  .option('--rhyme-group <name>', 'rhyme group, one of thirty: 东, 冬, 江, …')
  .option('--context <lines>', 'lines that the poem follows, but does not include')
  .option(
    '--best-of <n>',
    'number of drafts to choose each poem from (default: 32 in a form, else 1)',
    integer(1, 1000),
  )
  .addOption(
    new Option('--beam <n>', 'search for the likeliest poem with a beam of this width instead of drawing one')
      .argParser(integer(1, 1000))
      .conflicts(['temperature', 'topK', 'topP', 'greedy', 'count', 'seed', 'bestOf']),
  )
  .option(
    '--repetition-penalty <nats>',
    'penalty for repeated characters (default: 2 in a form, else 0)',
    number(0, 100),
  )
  .option('--temperature <t>', 'randomness: 0 always takes the likeliest character (default: 0.8)', number(0))
  .option('--top-k <k>', 'draw from the k likeliest characters (default: all)', integer(0))
  .option(
    '--top-p <p>',
    'draw from the likeliest characters that together reach p (default: 0.95)',
    number(0, 1),
  )
  .addOption(
    new Option('--greedy', 'always take the likeliest character').conflicts([
      'temperature',
      'topK',
      'topP',
      'count',
      'seed',
    ]),
  )
  .option('--count <n>', 'number of poems, with consecutive seeds', integer(1, 100_000))
  .option('--max-length <n>', 'highest number of characters (default: 80)', integer(1))
  .option(
    '--seed <n>',
    'seed of the first poem; the same seed gives the same poem (default: random)',
    integer(0),
  )
  .option('--device <device>', 'auto, cpu, cuda or cuda:N', 'cpu')
  .option('--threads <n>', 'CPU threads (default: all that may be used, at most 4)', integer(1, 1024))
  .option('--annotate', 'show tones, rhymes and a check against the rules of regulated verse')
  .option('--json', 'print one JSON object per poem, one per line')
  .action(async (beginning: string, flags) => {
    refuseFormAsBeginning(beginning);
    const { model: path, device, threads, preset } = flags;
    const model = await Model.load(await modelOrDefault(path), { device, threads });
    try {
      if (preset === 'classic') printClassic(await classicPoem(model, beginning), flags);
      else await print(model, toOptions(beginning, flags), flags);
    } catch (error) {
      throw path === undefined ? withModel(error, model.path) : error;
    } finally {
      await model.dispose();
    }
  });

type Flags = Omit<PoemOptions, 'rhyme'> &
  Readonly<{ rhyme?: 'on' | 'off'; greedy?: boolean; count?: number; annotate?: boolean; json?: boolean }>;

function toOptions(beginning: string, flags: Flags): PoemOptions {
  return {
    prompt: beginning.replace(/[\r\n]+$/, ''), // from a file
    context: flags.context,
    form: flags.form,
    acrostic: flags.acrostic,
    rhyme: flags.rhyme && flags.rhyme === 'on',
    tone: flags.tone,
    rhymeGroup: flags.rhymeGroup,
    bestOf: flags.greedy ? 1 : flags.bestOf,
    beam: flags.beam,
    repetitionPenalty: flags.repetitionPenalty,
    temperature: flags.greedy ? 0 : flags.temperature,
    topK: flags.topK,
    topP: flags.topP,
    maxLength: flags.maxLength,
    seed: flags.seed,
  };
}

async function print(model: Model, options: PoemOptions, flags: Flags): Promise<void> {
  const { bestOf, ...streamOptions } = options;
  const isSingleDraft =
    (flags.count ?? 1) === 1 && flags.bestOf === undefined && !flags.form && !flags.acrostic;
  if (canRedraw(process.stdout) && isSingleDraft && !flags.json && !flags.annotate)
    return printAsDrawn(model, streamOptions);
  const poems = await model.generateMany(flags.count ?? 1, options);
  if (flags.json) for (const poem of poems) process.stdout.write(`${JSON.stringify(toJson(poem, flags))}\n`);
  else process.stdout.write(poems.map((poem) => toText(poem, flags)).join('\n'));
}

function toJson(poem: Poem, { annotate }: Flags): object {
  return annotate ? { ...poem, check: checkPoem(poem.text) } : poem;
}

function toText({ text, lines }: Poem, { annotate }: Flags): string {
  return `${annotate ? formatCheck(checkPoem(text)) : lines.join('\n')}\n`;
}

/** Adds the model to an error about its vocabulary, since the user has not named one. */
function withModel(error: unknown, path: string | undefined): unknown {
  if (!(error instanceof TangshiError)) return error;
  const { code, message, option } = error;
  if (code !== 'ERR_TANGSHI_VOCAB' && option !== 'rhyme') return error;
  return new TangshiError(code, `${message} (the model is ${path}; choose another with --model)`, { option });
}

/** Without `--`, npm takes `--form` for itself and passes on its value. */
function refuseFormAsBeginning(beginning: string): void {
  if (!/^([五七][绝絕律]|\d+[x×]\d+)$/.test(beginning)) return;
  throw new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    `${beginning} is a form: to use it, run ${exampleCommand('gen', `--form ${beginning}`)}`,
  );
}

/** On a terminal: prints one sentence per line, and erases one that the poem does not keep. */
async function printAsDrawn(model: Model, options: StreamOptions): Promise<void> {
  const chars = model.stream(options);
  let line = '';
  for (let next = await chars.next(); ; next = await chars.next()) {
    if (next.done) {
      if (line !== '') process.stdout.write(next.value.text.endsWith(line) ? '\n' : '\r\x1b[K');
      return;
    }
    const ends = /[。！？；]/u.test(next.value);
    process.stdout.write(ends ? `${next.value}\n` : next.value);
    line = ends ? '' : line + next.value;
  }
}

function printClassic(lines: readonly string[], { json }: Flags): void {
  if (json) process.stdout.write(`${JSON.stringify({ text: lines.join(''), lines })}\n`);
  else for (const line of lines) process.stdout.write(`${line}\n`);
  if (lines.length > 0) return;
  process.stderr.write('The original program prints nothing here: no piece is longer than 10 characters.\n');
}

run(command);
