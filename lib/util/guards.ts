import { TangshiError } from './errors';

/** The error of a wrong argument, such as `Expected a string for text but received number`. */
export function wrongArgument(expected: string, name: string, value: unknown): TangshiError {
  return new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    `Expected ${expected} for ${name} but received ${typeOf(value)}`,
  );
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** @throws ERR_TANGSHI_INVALID_ARG */
export function requireString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw wrongArgument('a string', name, value);
}

/** @throws ERR_TANGSHI_INVALID_ARG, also for an array. */
export function requireObject(value: unknown, name: string): asserts value is object {
  if (typeOf(value) !== 'object') throw wrongArgument('an object', name, value);
}

/** @throws ERR_TANGSHI_INVALID_ARG, also for a string, which would be iterated as characters. */
export function requireIterable(value: unknown, name: string): asserts value is Iterable<unknown> {
  const iterable = value !== null && typeof value === 'object' && Symbol.iterator in value;
  if (!iterable) throw wrongArgument('an array', name, value);
}

/** @throws ERR_TANGSHI_INVALID_ARG unless it is an array of strings. */
export function requireStrings(value: unknown, name: string): asserts value is readonly string[] {
  if (!Array.isArray(value)) throw wrongArgument('an array of strings', name, value);
  for (const [index, item] of value.entries()) requireString(item, `${name}[${index}]`);
}

/** @throws ERR_TANGSHI_INVALID_ARG unless it is undefined or one of the choices. */
export function requireChoice(value: unknown, choices: readonly string[], option: string): void {
  if (value === undefined || choices.includes(value as string)) return;
  throw new TangshiError(
    'ERR_TANGSHI_INVALID_ARG',
    `Unknown ${option} ${JSON.stringify(value) ?? String(value)}. Choose ${choices.join(', ')}.`,
    { option },
  );
}
