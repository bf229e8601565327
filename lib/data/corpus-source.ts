import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder, markUsed } from '../util/cache-folder';
import { TangshiError } from '../util/errors';

/** A package in node_modules. */
export type Package = Readonly<{ folder: string; version: string }>;

const NAME = 'chinese-poetry';
/** The version that the setup fetches; as in scripts/setup/corpora.js. */
const VERSION = '2.0.1';

/** The source of the built-in corpora: of the project, or the one that the setup fetched for this user. */
export function findSource(): Package | undefined {
  return findPackage(`${NAME}/package.json`, NAME) ?? fetched();
}

/** The version of the source that is there or would be fetched. */
export function sourceVersion(): string {
  return findSource()?.version ?? VERSION;
}

/** @throws ERR_TANGSHI_CORPUS if it is missing. */
export function requireSource(): Package {
  const source = findSource();
  if (source) return source;
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `The built-in corpora need the package ${NAME}, which is not installed: run npm install ${NAME}`,
  );
}

function fetched(): Package | undefined {
  const folder = join(cacheFolder(), `${NAME}-${VERSION}`, 'node_modules', NAME);
  markUsed(join(cacheFolder(), `${NAME}-${VERSION}`));
  return existsSync(join(folder, 'package.json')) ? { folder, version: VERSION } : undefined;
}

/**
 * Finds an installed package.
 *
 * @param entry A module of it that can be imported.
 */
export function findPackage(entry: string, name: string): Package | undefined {
  let file: string;
  try {
    file = require.resolve(entry);
  } catch {
    return undefined;
  }
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const found = readManifest(folder);
    if (found.name === name && found.version !== undefined) return { folder, version: found.version };
  }
  return undefined;
}

function readManifest(folder: string): { name?: string; version?: string } {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return {}; // no package.json here: try the parent folder
  }
}
