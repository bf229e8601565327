import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the package, from its sources as from what is compiled of them. */
export const ROOT = findRoot(__dirname);

function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder));
}

/** These are the sources themselves, not what is compiled of them for those who install the package. */
export const IN_CLONE = __dirname === join(ROOT, 'lib', 'util');

/** How a command is given here: in a clone by npm run, where the package is installed by npx. */
export function commandLine(name: string, args = ''): string {
  const separator = IN_CLONE && args.startsWith('-') ? ' --' : '';
  return `${IN_CLONE ? 'npm run' : 'npx tangshi'} ${name}${separator}${args && ` ${args}`}`;
}
