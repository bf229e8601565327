import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lstat, mkdir, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { writeWhole } from '../util/disk';
import { TangshiError } from '../util/errors';
import { scriptConverter } from '../util/script-conversion';
import { anthologyText, type Builtin } from './corpus-recipes';

/** Where made corpora are kept. */
export type BuiltinOptions = Readonly<{
  /** Default: `$XDG_CACHE_HOME/tangshi/corpora`, or the same under `~/.cache`. */
  cacheDir?: string;
}>;

/** Part of the cached file's name: to be raised when a recipe changes what is written. */
const RECIPE_VERSION = 2;

/**
 * The path of a built-in corpus as UTF-8 text in simplified characters, made on first use and kept in the cache:
 * `tangshi` as bare lines, the others as `title:content`. What is in them: docs/data.md.
 *
 * @param options `cacheDir`: where it is kept; default: `$XDG_CACHE_HOME/tangshi/corpora`, or the same under `~/.cache`.
 * @throws ECORPUS when chinese-poetry is not installed or not readable, or nothing can be written.
 * @example
 * for await (const record of readCorpus(await builtinCorpus('poems'))) …
 */
export async function builtinCorpus(name: Builtin, options: BuiltinOptions = {}): Promise<string> {
  const source = findPackage('chinese-poetry', 'chinese-poetry/package.json');
  const opencc = findPackage('opencc-js', 'opencc-js/t2cn');
  const fileName = `${name}-${RECIPE_VERSION}-chinese-poetry-${source.version}-opencc-js-${opencc.version}.txt`;

  const folders = options.cacheDir === undefined ? [defaultFolder(), fallbackFolder()] : [options.cacheDir];
  for (const folder of folders) {
    if (await isCached(join(folder, fileName))) return join(folder, fileName);
  }
  const text = await anthologyText(name, source.folder, scriptConverter('to-simplified'));
  let refusal: unknown;
  for (const folder of folders) {
    try {
      return await keep(folder, fileName, text);
    } catch (error) {
      refusal ??= error;
    }
  }
  const reason = refusal instanceof Error ? refusal.message : String(refusal);
  throw new TangshiError(
    'ECORPUS',
    `Cannot keep the corpus '${name}' in ${folders.join(' or ')} (${reason}): set XDG_CACHE_HOME to a folder that can be written`,
    { cause: refusal },
  );
}

function findPackage(name: string, entry: string): { folder: string; version: string } {
  try {
    for (let folder = dirname(require.resolve(entry)); folder !== dirname(folder); folder = dirname(folder)) {
      const found = readManifest(folder);
      if (found.name === name && found.version !== undefined) return { folder, version: found.version };
    }
  } catch (error) {
    throw new TangshiError(
      'ECORPUS',
      `The built-in corpora are made from the package ${name}, which is not installed: run npm install ${name}`,
      { cause: error },
    );
  }
  throw new TangshiError('ECORPUS', `The package ${name} is damaged: run npm install ${name} again`);
}

function readManifest(folder: string): { name?: string; version?: string } {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return {}; // no package.json at this level: look further up
  }
}

function defaultFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME;
  // The XDG specification has relative paths ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'tangshi', 'corpora');
}

/** For a home that cannot be written. Named after the user, for the temporary folder is everybody's. */
function fallbackFolder(): string {
  return join(tmpdir(), `tangshi-${process.getuid?.() ?? 'corpora'}`);
}

async function isCached(path: string): Promise<boolean> {
  try {
    const file = await stat(path);
    return file.isFile() && file.size > 0 && (await isTrusted(dirname(path)));
  } catch {
    return false;
  }
}

/** Anybody can make a folder in the temporary folder: one of another user may hold anything. */
async function isTrusted(folder: string): Promise<boolean> {
  if (folder !== fallbackFolder() || process.getuid === undefined) return true;
  return (await lstat(folder)).uid === process.getuid();
}

/** Any number of processes may make the same corpus at once. */
async function keep(folder: string, fileName: string, text: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await isTrusted(folder))) throw new Error(`${folder} belongs to another user`);
  const path = join(folder, fileName);
  await writeWhole(path, [Buffer.from(text)], `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  return path;
}
