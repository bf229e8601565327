import { type Command, InvalidArgumentError } from 'commander';
import { TangshiError } from '../lib';

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

/** Runs a command: what goes wrong is one line on stderr and exit code 1. */
export function run(command: Command): void {
  // A reader that has seen enough (`| head`) closes the pipe: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  command.parseAsync().catch((error: unknown) => {
    if (!(error instanceof TangshiError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}

function bounds(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
}
