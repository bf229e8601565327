import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TangshiError } from './errors';

/** Folder of the package, both for the sources and for the compiled files in `dist`. */
export const ROOT = findRoot(__dirname);

/** The closest parent folder with this package's package.json. A bundle may have none, or that of another package. */
function findRoot(folder: string): string {
  if (isThisPackage(join(folder, 'package.json'))) return folder;
  const above = dirname(folder);
  if (above !== folder) return findRoot(above);
  throw new TangshiError(
    'ERR_TANGSHI_ADDON',
    'The package tangshi does not find its own files. If the program is bundled, mark tangshi as external.',
  );
}

function isThisPackage(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    return JSON.parse(readFileSync(path, 'utf8')).name === 'tangshi';
  } catch {
    return false;
  }
}

/** The version of this package. */
export const VERSION: string = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;

/** Whether this is a clone of the repository, running its sources, and not an installed package. */
export const IN_CLONE = __dirname === join(ROOT, 'lib', 'util');

/** How to run a command of this package: `npm run doctor` in a clone, `npx tangshi doctor` elsewhere. */
export function commandLine(name: string): string {
  return `${IN_CLONE ? 'npm run' : 'npx tangshi'} ${name}`;
}
