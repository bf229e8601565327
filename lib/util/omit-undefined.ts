/** A copy without the properties that are undefined, so that `{ seed: undefined }` means the same as `{}`. */
export function omitUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
