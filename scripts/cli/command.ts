import { Command, InvalidArgumentError } from 'commander';
import { AbortError, TangshiError } from '../../lib';
import { commandLine, IN_CLONE } from '../../lib/util/package-root';

/** @param operand What comes before the options in an example. */
export function newCommand(name: string, operand = ''): Command {
  const usage = [operand, IN_CLONE ? '--' : '', '[options]'].filter(Boolean).join(' ');
  return new Command(commandLine(name)).usage(usage);
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
    if (text.trim() === '' || !(value >= min && value <= max)) {
      throw new InvalidArgumentError(`Expected a number ${bounds(min, max)}.`);
    }
    return value;
  };
}

/** Parses an option that is an integer within bounds. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected an integer ${bounds(min, max)}.`);
    }
    return value;
  };
}

/** Collects an option that can be repeated. */
export function list(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/**
 * Runs a command. An error is reported as one line on stderr and exit code 1.
 *
 * @param stop Called when stdout can no longer be written.
 */
export function run(command: Command, stop: () => void = () => process.exit()): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader such as `head` may close the pipe early: that is not an error.
    if (error.code !== 'EPIPE') {
      process.stderr.write(`Cannot write to stdout: ${error.message}\n`);
      process.exitCode = 1;
    }
    stop();
  });
  refuseSwallowedOptions(command);
  command.parseAsync().catch((error: unknown) => {
    if (error instanceof AbortError) return;
    if (!(error instanceof TangshiError)) throw error;
    process.stderr.write(`${error.message}${flagOf(error, command)}\n`);
    process.exitCode = 1;
  });
}

/** Flags whose names differ from the option of the library. */
const RENAMED: Readonly<Record<string, string>> = { embedDim: 'embed', hiddenDim: 'hidden' };

/** The flag of the option that an error is about, if the command has one: ` (--best-of)`. */
function flagOf({ option }: TangshiError, command: Command): string {
  if (option === undefined) return '';
  const name = RENAMED[option] ?? option;
  const flag = command.options.find((candidate) => candidate.attributeName() === name);
  return flag ? ` (${flag.long})` : '';
}

/** Without `--`, npm takes options for itself, and the command would not see them. */
function refuseSwallowedOptions(command: Command): void {
  const swallowed = command.options
    .filter(({ long }) => long !== '--json') // npm has an option of that name
    .filter(({ long }) => process.env[`npm_config_${long?.slice(2).replaceAll('-', '_')}`] !== undefined)
    .map(({ long }) => long);
  if (swallowed.length === 0) return;
  process.stderr.write(
    `npm did not pass on ${swallowed.join(', ')}: put -- before the options, as in ${command.name()} -- ${swallowed[0]} …\n`,
  );
  process.exit(1);
}

function bounds(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}
