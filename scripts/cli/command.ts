import { Command, InvalidArgumentError } from 'commander';
import { TangshiError } from '../../lib';
import { commandLine, IN_CLONE } from '../../lib/util/package-root';

/** @param operand What stands before the options, in an example. */
export function newCommand(name: string, operand = ''): Command {
  const usage = [operand, IN_CLONE ? '--' : '', '[options]'].filter(Boolean).join(' ');
  return new Command(commandLine(name)).usage(usage);
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

/** Parses an option that is a whole number within bounds. */
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
 * Runs a command until it is done or `stop` is asked for; what goes wrong is one line on stderr and exit code 1.
 *
 * @param stop Called when stdout can no longer be written.
 */
export function run(command: Command, stop: () => void = () => process.exit()): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`| head`) closes the pipe: that is no error.
    if (error.code !== 'EPIPE') {
      process.stderr.write(`Cannot write to stdout: ${error.message}\n`);
      process.exitCode = 1;
    }
    stop();
  });
  refuseSwallowedOptions(command);
  command.parseAsync().catch((error: unknown) => {
    if (!(error instanceof TangshiError)) throw error;
    if (error.code === 'ECANCELED') return; // as asked
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}

/** Without `--`, npm keeps options to itself, and the command would do something else than was asked. */
function refuseSwallowedOptions(command: Command): void {
  const swallowed = command.options
    .filter(({ long }) => long !== '--json') // npm has one of that name
    .filter(({ long }) => process.env[`npm_config_${long?.slice(2).replaceAll('-', '_')}`] !== undefined)
    .map(({ long }) => long);
  if (swallowed.length === 0) return;
  process.stderr.write(
    `npm kept ${swallowed.join(', ')} to itself: put -- before the options, as in ${command.name()} -- ${swallowed[0]} …\n`,
  );
  process.exit(1);
}

function bounds(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
}
