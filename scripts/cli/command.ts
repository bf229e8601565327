import { type Argument, Command, Help, InvalidArgumentError, Option } from 'commander';
import stringWidth from 'string-width';
import { AbortError, TangshiError } from '../../lib';
import { commandLine, IN_CLONE } from '../../lib/util/package-root';
import { LANGUAGES, t } from './language';
import { beQuiet } from './messages';
import { translated } from './translate';

/** The exit code of a command that could not do what it was asked. 1 is the answer no. */
const FAILURE = 2;

/** @param operands What comes before the options in the usage. In a clone, npm needs `--` before options. */
export function newCommand(name: string, operands = ''): Command {
  const usage = [operands, IN_CLONE ? '--' : '', t('[options]', '[选项]')].filter(Boolean).join(' ');
  return withConventions(new Command(name).usage(usage));
}

/** Options of every command of the program. */
export function addCommonOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--lang <language>',
        t('language of messages and help (default: by the locale)', '消息和帮助的语言（默认跟随系统）'),
      ).choices(LANGUAGES),
    )
    .option('--quiet', t('print no messages, only results and errors', '不输出提示，只输出结果和错误'));
}

/** What all commands have in common: help and errors in the user's language, exit codes. */
export function withConventions(command: Command): Command {
  return command
    .helpOption('-h, --help', t('display help', '显示帮助'))
    .configureHelp({
      styleTitle: titleOf,
      displayWidth: stringWidth,
      boxWrap,
      subcommandTerm,
      optionDescription,
      argumentDescription,
    })
    .configureOutput({ outputError: (text, write) => write(translated(text)) })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : FAILURE));
}

function titleOf(title: string): string {
  const titles: Readonly<Record<string, string>> = {
    'Usage:': '用法：',
    'Arguments:': '参数：',
    'Options:': '选项：',
    'Commands:': '命令：',
  };
  return t(title, titles[title] ?? title);
}

/** Commander breaks lines at spaces, which Chinese does not have. */
function boxWrap(this: Help, text: string, width: number): string {
  const chinese = text.split('\n').map((line) => wrapChinese(line, width));
  return t(Help.prototype.boxWrap.call(this, text, width), chinese.join('\n'));
}

/** Words, or single characters, with the punctuation that must not be parted from them. */
const UNBREAKABLE = /（*(?:[!-~]+|[^!-~])[，。、；：）…]* ?/gu;

function wrapChinese(line: string, columns: number): string {
  let [wrapped, width] = ['', 0];
  for (const [part] of line.matchAll(UNBREAKABLE)) {
    const breaks = width > 0 && width + stringWidth(part.trimEnd()) > columns;
    wrapped = breaks ? `${wrapped.trimEnd()}\n${part}` : wrapped + part;
    width = (breaks ? 0 : width) + stringWidth(part);
  }
  return wrapped;
}

/** As commander has it, but in the user's language. */
function subcommandTerm(this: Help, command: Command): string {
  const term = Help.prototype.subcommandTerm.call(this, command);
  return term.replace('[options]', t('[options]', '[选项]'));
}

/** As commander has it, but in the user's language. */
function optionDescription(this: Help, { description, argChoices, defaultValue }: Option): string {
  const shown = defaultValue === undefined || typeof defaultValue === 'boolean' ? undefined : defaultValue;
  return withFacts(description, argChoices, shown);
}

function argumentDescription(this: Help, { description, argChoices }: Argument): string {
  return withFacts(description, argChoices, undefined);
}

function withFacts(description: string, choices: readonly string[] | undefined, value: unknown): string {
  const facts = [
    choices && t(`choices: ${choices.join(', ')}`, `可选：${choices.join('、')}`),
    value !== undefined && t(`default: ${value}`, `默认：${value}`),
  ].filter(Boolean);
  if (facts.length === 0) return description;
  const zh = description.endsWith('）') ? `${description.slice(0, -1)}；` : `${description}（`;
  return t(`${description} (${facts.join('; ')})`, `${zh}${facts.join('；')}）`);
}

/** A path in a command to show: quoted where a shell would split or change it. */
export function quoted(path: string): string {
  return /^[\p{L}\p{N}_./:@+-]+$/u.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** A command with arguments, to show to the user. In a clone, npm needs `--` before options. */
export function exampleCommand(name: string, args: string): string {
  const separator = IN_CLONE && args.startsWith('-') ? '-- ' : '';
  return `${commandLine(name)} ${separator}${args}`;
}

/** Parses an option that is a number within bounds. */
export function number(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(
        t(`Expected a number ${bounds(min, max)}.`, `应为${boundsZh(min, max)}的数。`),
      );
    return value;
  };
}

/** Parses an option that is an integer within bounds. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(
        t(`Expected an integer ${bounds(min, max)}.`, `应为${boundsZh(min, max)}的整数。`),
      );
    return value;
  };
}

function bounds(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}

function boundsZh(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `不小于 ${min} ` : ` ${min} 到 ${max} 之间`;
}

/** Collects an option that can be repeated. */
export function list(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

let whenOutputCloses: () => void = () => process.exit();

/** @param stop Called when stdout can no longer be written, instead of ending the process. */
export function onClosedOutput(stop: () => void): void {
  whenOutputCloses = stop;
}

/**
 * Runs a program of several commands, or a single command.
 *
 * Exit codes: 0 done; 1 the answer is no (`check`, `doctor`); 2 anything that went wrong.
 */
export function run(program: Command): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader such as `head` may close the pipe early: that is not an error.
    if (error.code !== 'EPIPE')
      fail(t(`Cannot write to stdout: ${error.message}`, `无法写入标准输出：${error.message}`));
    whenOutputCloses();
  });
  process.stderr.on('error', () => undefined); // of a terminal that was closed: nobody reads the messages
  const named =
    program.commands.find((command) => command.name() === commandName(process.argv.slice(2))) ?? program;
  refuseSwallowedOptions(named);
  program.hook('preAction', (_, command) => {
    if (command.optsWithGlobals().quiet) beQuiet();
  });
  program.parseAsync().catch((error: unknown) => {
    if (error instanceof AbortError) return;
    if (!(error instanceof TangshiError)) {
      fail(error instanceof Error ? (error.stack ?? error.message) : String(error)); // a fault of the program
      return;
    }
    const message = t(withFlags(error.message, named), translated(error.message));
    const flag = flagOf(error, named);
    fail(message.includes(flag.trim().slice(1, -1)) ? message : message + flag);
  });
}

function fail(message: string): void {
  process.stderr.write(`${t('error: ', '错误：')}${message}\n`);
  process.exitCode = FAILURE;
}

/** Flags whose names differ from the option of the library. */
const RENAMED: Readonly<Record<string, string>> = { embedDim: 'embed', hiddenDim: 'hidden' };

/** A message of the library with flags in place of the names of its options. */
function withFlags(message: string, command: Command): string {
  const flags = new Map(command.options.map((option) => [option.attributeName(), option.long as string]));
  for (const [name, flag] of Object.entries(RENAMED)) flags.set(name, flags.get(flag) ?? name);
  const flagFor = (name: string) => flags.get(name) ?? name;
  return message
    .replace("tone 'off', rhyme false", '--tone off, --rhyme off')
    .replace(
      /\b(omit|set|with|change) ([a-z]\w*)\b/gi,
      (_, verb: string, name: string) => `${verb} ${flagFor(name)}`,
    )
    .replace(/(?<![-\w])[a-z]+[A-Z]\w*/g, flagFor);
}

/** The flag of the option that an error is about, if the command has one: ` (--best-of)`. */
function flagOf({ option }: TangshiError, command: Command): string {
  if (option === undefined) return '';
  const name = RENAMED[option] ?? option;
  const flag = command.options.find((candidate) => candidate.attributeName() === name);
  return flag ? t(` (${flag.long})`, `（${flag.long}）`) : '';
}

/** The first argument that is neither an option of the program nor its value. */
function commandName(args: readonly string[]): string | undefined {
  return args.find((arg, i) => !arg.startsWith('-') && args[i - 1] !== '--lang');
}

/** Without `--`, npm takes options for itself, and the command would not see them. */
function refuseSwallowedOptions(command: Command): void {
  const swallowed = command.options
    .map(({ long }) => long ?? '')
    .filter((long) => !['--json', '--quiet', '--version', '--help'].includes(long)) // npm has options of these names
    .filter(
      (long) => process.env[`npm_config_${long.replace(/^--(no-)?/, '').replaceAll('-', '_')}`] !== undefined,
    );
  if (swallowed.length === 0) return;
  const [options, example] = [swallowed.join(', '), exampleCommand(command.name(), `${swallowed[0]} …`)];
  fail(
    t(
      `npm did not pass on ${options}: put -- before the options, as in ${example}`,
      `npm 没有传递 ${options}：请在选项前加上 --，例如 ${example}`,
    ),
  );
  process.exit();
}
