import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Folder of the package, for the sources as well as for the compiled files in `dist`. */
export const ROOT = findRoot(__dirname);

function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder));
}

/** Whether this is a clone of the repository, running its sources, and not an installed package. */
export const IN_CLONE = __dirname === join(ROOT, 'lib', 'util');

/** How to run a command of this package: `npm run doctor` in a clone, `npx tangshi doctor` elsewhere. */
export function commandLine(name: string): string {
  return `${IN_CLONE ? 'npm run' : 'npx tangshi'} ${name}`;
}
