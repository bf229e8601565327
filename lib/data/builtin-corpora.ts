import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../util/cache-folder';
import { writeWhole } from '../util/disk';
import { TangshiError, throwIfAborted } from '../util/errors';
import { requireObject } from '../util/guards';
import { scriptConverter } from '../util/script-conversion';
import { type CorpusLines, corpusLines } from './corpus-lines';
import { BUILTIN_CORPORA, type BuiltinCorpus, isBuiltinCorpus } from './corpus-recipes';
import { findPackage, findSource, requireSource, sourceVersion } from './corpus-source';

/** How a built-in corpus is built and cached. */
export type CorpusCacheOptions = Readonly<{
  /** Folder of the cache. Default: `$XDG_CACHE_HOME/tangshi/corpora`, or `~/.cache/tangshi/corpora`. */
  cacheDir?: string;
  /** Abort to stop building the corpus. Nothing is then written. */
  signal?: AbortSignal;
}>;

/** Part of the cached file's name. Raise it when a recipe changes its output. */
const RECIPE_VERSION = 3;
/** Corpora of other versions are kept this long. */
const KEPT_DAYS = 90;

/** The files of a built-in corpus. */
export type BuiltinFiles = Readonly<{
  /** The text. */
  path: string;
  /** The lines that differed before variant characters were replaced by standard forms, as JSON: `[line, text]`. */
  variants: string;
}>;

/**
 * Path of a built-in corpus as UTF-8 text in simplified characters: `tangshi` as untitled lines, the others as
 * `title:content`. It is built on first use and cached. docs/data.md describes the corpora.
 *
 * @param options `cacheDir`: folder of the cache. Default: `$XDG_CACHE_HOME/tangshi/corpora`, or
 * `~/.cache/tangshi/corpora`. `signal`: abort to stop building the corpus.
 * @throws ERR_TANGSHI_CORPUS if chinese-poetry is not installed or not readable, or the cache is not writable.
 * AbortError
 * @example
 * for await (const record of readCorpus(await builtinCorpusPath('poems'))) …
 */
export async function builtinCorpusPath(
  name: BuiltinCorpus,
  options: CorpusCacheOptions = {},
): Promise<string> {
  return (await builtinFiles(name, options)).path;
}

/** The files of a built-in corpus, built on first use. Throws like `builtinCorpusPath`. */
export async function builtinFiles(name: BuiltinCorpus, options: CorpusCacheOptions): Promise<BuiltinFiles> {
  requireObject(options, 'options');
  if (!isBuiltinCorpus(name)) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Unknown corpus ${JSON.stringify(name) ?? String(name)}. Choose ${BUILTIN_CORPORA.join(', ')}.`,
    );
  }
  const places = placesOf(name, options.cacheDir);
  const cached = await firstCached(places);
  if (cached) return cached;
  const { folder } = requireSource();
  const lines = await corpusLines(name, folder, scriptConverter('to-simplified'), options.signal);
  throwIfAborted(options.signal);
  let firstError: unknown;
  for (const files of places) {
    try {
      await writeToCache(files, lines);
      return files;
    } catch (error) {
      firstError ??= error;
    }
  }
  const reason = firstError instanceof Error ? firstError.message : String(firstError);
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `Cannot cache the corpus ${name} in ${places.map(({ path }) => dirname(path)).join(' or ')} (${reason}): set XDG_CACHE_HOME to a writable folder`,
    { cause: firstError },
  );
}

/** Whether a built-in corpus is there, or can be built from what is there. */
export async function isAvailable(name: BuiltinCorpus): Promise<boolean> {
  return findSource() !== undefined || (await firstCached(placesOf(name))) !== undefined;
}

/** Where the files of a corpus may be, best first. @throws ERR_TANGSHI_CORPUS without opencc-js. */
function placesOf(name: BuiltinCorpus, cacheDir?: string): BuiltinFiles[] {
  const opencc = findPackage('opencc-js/t2cn', 'opencc-js');
  if (!opencc) {
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      'The built-in corpora need the package opencc-js, which is not installed: run npm install opencc-js',
    );
  }
  const fileName = `${name}-${RECIPE_VERSION}-chinese-poetry-${sourceVersion()}-opencc-js-${opencc.version}`;
  const folders = cacheDir === undefined ? [defaultFolder(), fallbackFolder()] : [cacheDir];
  return folders.map((folder) => ({
    path: join(folder, `${fileName}.txt`),
    variants: join(folder, `${fileName}.variants.jsonl`),
  }));
}

async function firstCached(places: readonly BuiltinFiles[]): Promise<BuiltinFiles | undefined> {
  for (const files of places)
    if ((await isCached(files.path)) && (await isCached(files.variants))) return files;
  return undefined;
}

function defaultFolder(): string {
  return join(cacheFolder(), 'corpora');
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

async function writeToCache({ path, variants }: BuiltinFiles, corpus: CorpusLines): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await isTrusted(folder))) throw new Error(`${folder} belongs to another user`);
  // Line numbers start at 1. A file is never empty, because an empty corpus is rejected.
  const changed = [...corpus.variants].map(([index, text]) => JSON.stringify([index + 1, text]));
  await writeOnce(variants, `${changed.join('\n')}\n`);
  await writeOnce(path, corpus.lines.map((line) => `${line}\n`).join(''));
  await removeOutdated(folder).catch(() => undefined); // another process may be doing the same
}

/** Other versions of corpora that are old enough for no project to miss them. */
async function removeOutdated(folder: string): Promise<void> {
  const recent = Date.now() - KEPT_DAYS * 86_400_000;
  for (const file of await readdir(folder)) {
    const [, version] = file.match(/^[a-z]+-(\d+)-chinese-poetry-/) ?? [];
    if (version === undefined || Number(version) === RECIPE_VERSION) continue;
    const path = join(folder, file);
    if ((await stat(path)).mtimeMs < recent) await rm(path, { force: true });
  }
}

/** Several processes may write the same corpus at once. */
async function writeOnce(path: string, text: string): Promise<void> {
  await writeWhole(path, [Buffer.from(text)], `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
}
