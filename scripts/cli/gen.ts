import { type Command, Option } from 'commander';
import {
  BUNDLED_MODEL,
  type CheckOptions,
  checkPoem,
  classicPoem,
  formatCheck,
  isFormName,
  Model,
  type Poem,
  type PoemOptions,
  type StreamOptions,
  TangshiError,
} from '../../lib';
import { exampleCommand, integer, newCommand, number } from './command';
import { modelHelp, modelOrDefault } from './default-model';
import { language, t } from './language';
import { note } from './messages';
import { canRedraw } from './terminal';
import { readText } from './text-file';
import { ensureTrainingAddon } from './training-addon';
import { rhymeBookOption, scriptOption } from './verse-options';

/** Options that have no effect where nothing is drawn at random. */
const RANDOMNESS = ['temperature', 'topK', 'topP', 'bestOf'];
const DRAWING = [...RANDOMNESS, 'greedy', 'count', 'seed'];
const OF_A_POEM = [
  ...['form', 'pattern', 'lines', 'acrostic', 'rhyme', 'tone', 'rhymeGroup', 'rhymeBook'],
  ...['title', 'theme', 'context', 'repetitionPenalty', 'script'],
];

/** `tangshi gen`. */
export function genCommand(): Command {
  return newCommand('gen', '湖')
    .description(t('Generate poems that begin with the given characters.', '写诗，可以指定开头。'))
    .argument('[beginning]', t('first characters of the poem; empty: anything', '诗的开头；省略则自由发挥'))
    .option('--model <path>', modelHelp())
    .addOption(
      new Option(
        '--preset <name>',
        t('classic: print what the original program prints', 'classic：输出与原程序相同的内容'),
      )
        .choices(['classic'])
        .conflicts([...DRAWING, ...OF_A_POEM, 'maxLength', 'beam', 'annotate']),
    )
    .option(
      '--form <form>',
      t(
        '五绝, 七绝, 五律, 七律, 五排, 七排, 五古, 七古, 对联, a ci such as 如梦令, or lines x characters per line, such as 6x4',
        '体裁：五绝、七绝、五律、七律、五排、七排、五古、七古、对联、词牌（如 如梦令），或 行数x每行字数，如 6x4',
      ),
    )
    .addOption(
      new Option(
        '--pattern <file>',
        t(
          'a template of your own, such as 平平仄仄平平韵。 (- for stdin)',
          '自定格律的文件，如 平平仄仄平平韵。（- 表示标准输入）',
        ),
      ).conflicts('form'),
    )
    .option(
      '--lines <n>',
      t('number of lines of 五排, 七排, 五古, 七古', '五排、七排、五古、七古的句数'),
      integer(1, 1000),
    )
    .option('--title <title>', t('what the poem is about, such as 春江夜别', '诗题：诗写什么，如 春江夜别'))
    .addOption(
      new Option(
        '--theme <words>',
        t(
          'the same in words of today, such as "中秋 想念 妈妈"',
          '主题：用今天的话说诗写什么，如 "中秋 想念 妈妈"',
        ),
      ).conflicts('title'),
    )
    .option('--acrostic <characters>', t('first characters of the lines', '藏头诗：各句的首字'))
    .addOption(
      new Option(
        '--rhyme <rule>',
        t('whether lines rhyme (default: as the form does)', '是否押韵（默认按体裁）'),
      ).choices(['on', 'off']),
    )
    .addOption(
      new Option(
        '--tone <rule>',
        t(
          'tones: strict keeps the template, loose only the 2nd, 4th, 6th and last characters (default: strict in a named form)',
          '平仄：strict 严守格律，loose 一三五不论（有名称的体裁默认 strict）',
        ),
      ).choices(['strict', 'loose', 'off']),
    )
    .option('--rhyme-group <name>', t('rhyme group, such as 东 of the 平水韵', '韵部，如平水韵的 东'))
    .addOption(rhymeBookOption())
    .option(
      '--context <lines>',
      t('lines before the poem, not printed', '前文：诗承接这些句子，但不输出它们'),
    )
    .option(
      '--best-of <n>',
      t(
        'drafts to choose each poem from (default: 32 in a form, otherwise 1)',
        '每首诗的草稿数，取最好的一稿（指定体裁时默认 32，否则 1）',
      ),
      integer(1, 1000),
    )
    .addOption(
      new Option(
        '--beam <n>',
        t('search for the likeliest poem with a beam of this width', '束搜索的宽度：搜索概率最高的诗'),
      )
        .argParser(integer(1, 1000))
        .conflicts(DRAWING),
    )
    .option(
      '--repetition-penalty <nats>',
      t(
        'penalty for repeated characters (default: 2 in a form, otherwise 0)',
        '重复用字的惩罚，单位 nat（指定体裁时默认 2，否则 0）',
      ),
      number(0, 100),
    )
    .option(
      '--temperature <t>',
      t(
        'randomness; 0 always takes the likeliest character (default: 0.8)',
        '温度，越高越随机；0 表示总取概率最高的字（默认 0.8）',
      ),
      number(0),
    )
    .option(
      '--top-k <k>',
      t('draw from the k likeliest characters (default: all)', '只从概率最高的 k 个字中抽样（默认不限）'),
      integer(0),
    )
    .option(
      '--top-p <p>',
      t(
        'draw from the likeliest characters that together reach p (default: 0.95)',
        '按概率从高到低累加到 p，只从这些字中抽样（默认 0.95）',
      ),
      number(0, 1),
    )
    .addOption(
      new Option('--greedy', t('always take the likeliest character', '总取概率最高的字')).conflicts(
        RANDOMNESS,
      ),
    )
    .option(
      '--count <n>',
      t('number of poems, with consecutive seeds', '写几首，种子依次加 1'),
      integer(1, 100_000),
    )
    .option(
      '--max-length <n>',
      t('highest number of characters (default: 80)', '最大字数，含开头和标点（默认 80）'),
      integer(1),
    )
    .option(
      '--seed <n>',
      t(
        'seed of the first poem; the same seed gives the same poem (default: random)',
        '第一首诗的种子；种子相同，诗就相同（默认随机）',
      ),
      integer(0),
    )
    .option('--device <device>', t('auto, cpu, cuda or cuda:N', '设备：auto、cpu、cuda 或 cuda:N'), 'cpu')
    .option(
      '--threads <n>',
      t('CPU threads (default: all usable cores, at most 4)', 'CPU 线程数（默认为可用核数，最多 4）'),
      integer(1, 1024),
    )
    .addOption(scriptOption())
    .option('--annotate', t('show tones, rhymes and a check against the rules', '标出平仄和韵脚，并检查格律'))
    .option('--json', t('print one JSON object per poem, one per line', '每首诗输出一行 JSON'))
    .action(async (beginning = '', flags) => {
      refuseFormAsBeginning(beginning);
      const { model: path, device, threads, preset } = flags;
      if (device !== 'cpu' && device !== 'auto') ensureTrainingAddon();
      const model = await Model.load(await modelOrDefault(path), { device, threads });
      try {
        if (preset === 'classic') printClassic(await classicPoem(model, beginning), flags);
        else await print(model, await toOptions(beginning, flags), flags);
      } catch (error) {
        throw path === undefined ? withModel(error, model.path) : error;
      } finally {
        await model.dispose();
      }
    });
}

type Flags = Omit<PoemOptions, 'rhyme'> &
  Readonly<{ rhyme?: 'on' | 'off'; greedy?: boolean; count?: number; annotate?: boolean; json?: boolean }>;

async function toOptions(beginning: string, flags: Flags): Promise<PoemOptions> {
  return {
    prompt: beginning.replace(/[\r\n]+$/, ''), // from a file
    title: flags.title,
    theme: flags.theme,
    context: flags.context,
    form: flags.form,
    pattern: flags.pattern === undefined ? undefined : await readText(flags.pattern),
    lines: flags.lines,
    acrostic: flags.acrostic,
    rhyme: flags.rhyme && flags.rhyme === 'on',
    tone: flags.tone,
    rhymeGroup: flags.rhymeGroup,
    rhymeBook: flags.rhymeBook,
    script: flags.script,
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
  const { count = 1, json } = flags;
  const isSingleDraft = count === 1 && flags.bestOf === undefined && !isInForm(options) && !flags.script;
  if (canRedraw(process.stdout) && isSingleDraft && !json && !flags.annotate) {
    tellSource(model, [await printAsDrawn(model, streamOptions)], options);
    return;
  }
  const poems: Poem[] = [];
  while (poems.length < count) {
    const seed = poems[0] ? poems[0].seed + poems.length : options.seed;
    const more = await model.generateMany(Math.min(POEMS_PER_CALL, count - poems.length), {
      ...options,
      seed,
    });
    process.stdout.write(more.map((poem, i) => entry(poem, poems.length + i, options, flags)).join(''));
    poems.push(...more);
  }
  if (!json) tellSource(model, poems, options);
}

/** Poems that are drawn together: printed before the next ones are drawn. */
const POEMS_PER_CALL = 64;

/** A poem as it is printed: a line of JSON, or text, with a number and a blank line between several. */
function entry(poem: Poem, index: number, options: PoemOptions, flags: Flags): string {
  const check = flags.annotate ? checkPoem(poem.text, checkOptions(options)) : undefined;
  if (flags.json) return `${JSON.stringify(check ? { ...poem, check } : poem)}\n`;
  const several = (flags.count ?? 1) > 1;
  const text = check ? formatCheck(check, language()) : stanzasText(poem);
  return `${index > 0 ? '\n' : ''}${several ? `${index + 1}.\n` : ''}${text}\n`;
}

/** The rules by which a poem was written. */
function checkOptions({ form, pattern, rhymeBook }: PoemOptions): CheckOptions {
  const named = form !== undefined && isFormName(form) && !/^\d/.test(form) ? form : undefined;
  return { form: named, pattern, rhymeBook };
}

/** One line per row, a blank row between stanzas. */
function stanzasText({ lines, stanzaLengths }: Poem): string {
  const rest = [...lines];
  return stanzaLengths.map((length) => rest.splice(0, length).join('\n')).join('\n\n');
}

/** Whether anything is drawn at random: a form also chooses among its tone patterns. */
function isSeeded(options: PoemOptions): boolean {
  return options.beam === undefined && (options.temperature !== 0 || isInForm(options));
}

function isInForm({ form, pattern, acrostic }: PoemOptions): boolean {
  return form !== undefined || pattern !== undefined || acrostic !== undefined;
}

/** The title of a theme; the seed, by which a poem can be had again; and the model if the user may not expect it. */
function tellSource({ path }: Model, poems: readonly Poem[], options: PoemOptions): void {
  const seeded = isSeeded(options);
  const [first, last] = [poems[0]?.seed, poems.at(-1)?.seed];
  const title = options.theme !== undefined && poems[0]?.title;
  const facts = [
    title && t(`title ${title}`, `诗题 ${title}`),
    seeded && first === last && t(`seed ${first}`, `种子 ${first}`),
    seeded && first !== last && t(`seeds ${first} to ${last}`, `种子 ${first} 至 ${last}`),
    path !== BUNDLED_MODEL && t(`model ${path}`, `模型 ${path}`),
  ].filter(Boolean);
  if (facts.length > 0) note(facts.join(t(', ', '，')));
}

/** Adds the model to an error about its vocabulary, since the user has not named one. */
function withModel(error: unknown, path: string | undefined): unknown {
  if (!(error instanceof TangshiError)) return error;
  const { code, message, option } = error;
  if (code !== 'ERR_TANGSHI_VOCAB' && !message.includes('vocabulary')) return error;
  const which = t(
    ` (the model is ${path}; choose another with --model)`,
    `（当前模型为 ${path}，可用 --model 另选）`,
  );
  return new TangshiError(code, message + which, { option });
}

/** Without `--`, npm takes `--form` for itself and passes on its value. */
function refuseFormAsBeginning(beginning: string): void {
  if (!isFormName(beginning)) return;
  throw new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    `${beginning} is a form: to use it, run ${exampleCommand('gen', `--form ${beginning}`)}`,
  );
}

/** On a terminal: prints one sentence per line, and erases one that the poem does not keep. */
async function printAsDrawn(model: Model, options: StreamOptions): Promise<Poem> {
  const chars = model.stream(options);
  let line = '';
  for (let next = await chars.next(); ; next = await chars.next()) {
    if (next.done) {
      if (line !== '') process.stdout.write(next.value.text.endsWith(line) ? '\n' : '\r\x1b[K');
      return next.value;
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
  note(
    t(
      'The original program prints nothing here: no piece is longer than 10 characters.',
      '原程序在此不输出任何内容：没有一段超过 10 个字。',
    ),
  );
}
