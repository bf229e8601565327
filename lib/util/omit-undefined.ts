/** Without the properties that are undefined: so that an option left out and one given as undefined are the same. */
export function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
