/** `npm ci` fails if package-lock.json lacks a package that another platform needs. */
import { dirname, join } from 'node:path';

type Locked = Readonly<{
  integrity?: string;
  resolved?: string;
  optionalDependencies?: Record<string, string>;
}>;
const packages: Record<string, Locked> = require('../../package-lock.json').packages;

/** Where Node would find a package required from the folder of another. */
function find(name: string, from: string): string | undefined {
  const path = join(from, 'node_modules', name);
  if (packages[path]) return path;
  return from === '' || from === '.' ? undefined : find(name, dirname(from));
}

test('package-lock.json lists the optional packages of every platform', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => find(name, path) === undefined),
  );
  expect(missing).toEqual([]);
});

test('package-lock.json contains no registry URLs', () => {
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});
