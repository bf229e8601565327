import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lstat, mkdir, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { writeWhole } from '../util/disk';
import { TangshiError, throwIfAborted } from '../util/errors';
import { scriptConverter } from '../util/script-conversion';
import { BUILTIN_CORPORA, type BuiltinCorpus, corpusText, isBuiltinCorpus } from './corpus-recipes';

/** How a built-in corpus is built and cached. */
export type CorpusCacheOptions = Readonly<{
  /** Folder of the cache. Default: `$XDG_CACHE_HOME/tangshi/corpora`, or `~/.cache/tangshi/corpora`. */
  cacheDir?: string;
  /** Abort to stop building the corpus. Nothing is then written. */
  signal?: AbortSignal;
}>;

/** Part of the cached file's name. Raise it when a recipe changes its output. */
const RECIPE_VERSION = 2;

/**
 * Path of a built-in corpus as UTF-8 text in simplified characters: `tangshi` as bare lines, the others as
 * `title:content`. It is built on first use and cached. docs/data.md describes the corpora.
 *
 * @param options `cacheDir`: folder of the cache. Default: `$XDG_CACHE_HOME/tangshi/corpora`, or
 * `~/.cache/tangshi/corpora`. `signal`: abort to stop building the corpus.
 * @throws ERR_TANGSHI_CORPUS if chinese-poetry is not installed or not readable, or the cache is not writable. AbortError
 * @example
 * for await (const record of readCorpus(await builtinCorpusPath('poems'))) …
 */
export async function builtinCorpusPath(
  name: BuiltinCorpus,
  options: CorpusCacheOptions = {},
): Promise<string> {
  if (!isBuiltinCorpus(name)) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Unknown corpus ${JSON.stringify(name) ?? String(name)}. Choose ${Object.keys(BUILTIN_CORPORA).join(', ')}.`,
    );
  }
  const source = findPackage('chinese-poetry', 'chinese-poetry/package.json');
  const opencc = findPackage('opencc-js', 'opencc-js/t2cn');
  const fileName = `${name}-${RECIPE_VERSION}-chinese-poetry-${source.version}-opencc-js-${opencc.version}.txt`;

  const folders = options.cacheDir === undefined ? [defaultFolder(), fallbackFolder()] : [options.cacheDir];
  for (const folder of folders) {
    if (await isCached(join(folder, fileName))) return join(folder, fileName);
  }
  const text = await corpusText(name, source.folder, scriptConverter('to-simplified'), options.signal);
  throwIfAborted(options.signal);
  let firstError: unknown;
  for (const folder of folders) {
    try {
      return await writeToCache(folder, fileName, text);
    } catch (error) {
      firstError ??= error;
    }
  }
  const reason = firstError instanceof Error ? firstError.message : String(firstError);
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `Cannot cache the corpus ${name} in ${folders.join(' or ')} (${reason}): set XDG_CACHE_HOME to a writable folder`,
    { cause: firstError },
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
      'ERR_TANGSHI_CORPUS',
      `The built-in corpora need the package ${name}, which is not installed: run npm install ${name}`,
      { cause: error },
    );
  }
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `The package ${name} is damaged: run npm install ${name} again`,
  );
}

function readManifest(folder: string): { name?: string; version?: string } {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return {}; // no package.json here: try the parent folder
  }
}

function defaultFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME;
  // The XDG specification says to ignore relative paths.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'tangshi', 'corpora');
}

/** For a home folder that is not writable. Named after the user, because the temporary folder is shared. */
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

/** The temporary folder is shared: a folder there that belongs to another user may contain anything. */
async function isTrusted(folder: string): Promise<boolean> {
  if (folder !== fallbackFolder() || process.getuid === undefined) return true;
  return (await lstat(folder)).uid === process.getuid();
}

/** Several processes may write the same corpus at once. */
async function writeToCache(folder: string, fileName: string, text: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await isTrusted(folder))) throw new Error(`${folder} belongs to another user`);
  const path = join(folder, fileName);
  await writeWhole(path, [Buffer.from(text)], `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  return path;
}
