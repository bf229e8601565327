import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { writeWhole } from './disk';
import { TangshiError } from './errors';

/** Corpora made from the npm package chinese-poetry. */
export const BUILTIN = ['poems', 'tangshi'] as const;
export type Builtin = (typeof BUILTIN)[number];

export type BuiltinOptions = Readonly<{
  /** Default: `$XDG_CACHE_HOME/tangshi/corpora`, or the same under `~/.cache`. */
  cacheDir?: string;
}>;

/** What is taken from chinese-poetry for each corpus, and how a poem becomes a line. */
const RECIPES: Readonly<Record<Builtin, Readonly<{ source: string; toLine: (poem: SourcePoem) => string }>>> =
  {
    poems: {
      source: 'dist/yudingquantangshi/json',
      toLine: ({ title, content }) => `${onOneLine(title)}:${onOneLine(content)}`,
    },
    tangshi: {
      source: 'dist/mengxue/tangshisanbaishou.json',
      // Every fifth poem carries a note on a variant, for which the classic cleaning would drop the poem.
      toLine: ({ content }) => onOneLine(content.replace(/[(（][^()（）]*[)）]/g, '')),
    },
  };
/** Part of the cached file's name: to be raised when a recipe changes what is written. */
const RECIPE_VERSION = 1;

export function isBuiltin(name: string): name is Builtin {
  return (BUILTIN as readonly string[]).includes(name);
}

/**
 * The path of a built-in corpus as UTF-8 text in simplified characters, made on first use and kept in the cache:
 * `poems` (the imperial anthology of Tang poetry) as `title:content`, `tangshi` (三百首) as bare lines.
 * Poems are as they stand in the source, but for the variant notes of 三百首: cleaning them is `clean.ts`'s work.
 *
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
  const text = await makeText(name, source.folder);
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

/** Turns text from one script to the other. opencc-js is loaded here and not before: it costs start-up time. */
export function scriptConverter(direction: 'to-simplified' | 'to-traditional'): (text: string) => string {
  type Opencc = typeof import('opencc-js', { with: { 'resolution-mode': 'import' }});
  if (direction === 'to-simplified') {
    return (require('opencc-js/t2cn') as Opencc).Converter({ from: 't', to: 'cn' });
  }
  return (require('opencc-js/cn2t') as Opencc).Converter({ from: 'cn', to: 't' });
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

type SourcePoem = Readonly<{ title: string; content: string }>;

/** Awaits between files, so that the event loop waits for one file at most. */
async function makeText(name: Builtin, root: string): Promise<string> {
  const { source, toLine } = RECIPES[name];
  const simplify = scriptConverter('to-simplified');
  const files = await listSources(join(root, source));
  const texts: string[] = [];
  for (const file of files) {
    const poems = await readPoems(file);
    texts.push(...poems.map((poem) => `${simplify(toLine(poem))}\n`));
  }
  return texts.join('');
}

async function listSources(path: string): Promise<string[]> {
  if (path.endsWith('.json')) return [path];
  const names = await readdir(path).catch((error: unknown) => failSource(path, error));
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(path, name));
}

async function readPoems(path: string): Promise<SourcePoem[]> {
  try {
    return collectPoems(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    return failSource(path, error);
  }
}

/** `chinese-poetry` nests poems in `content` arrays, two deep at most. */
function collectPoems(value: unknown): SourcePoem[] {
  if (Array.isArray(value)) return value.flatMap(collectPoems);
  if (typeof value !== 'object' || value === null) return [];
  if ('paragraphs' in value && Array.isArray(value.paragraphs)) {
    const title = 'title' in value && typeof value.title === 'string' ? value.title : '';
    return [{ title, content: value.paragraphs.join('') }];
  }
  return 'content' in value ? collectPoems(value.content) : [];
}

/** Neither a line end nor an ASCII colon may stand inside a title or a poem: they are the form. */
function onOneLine(text: string): string {
  return text.replace(/[\r\n]+/g, '').replaceAll(':', '：');
}

function failSource(path: string, error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new TangshiError('ECORPUS', `Cannot read ${path} (${reason}): run npm install chinese-poetry again`, {
    cause: error,
  });
}

/** Any number of processes may make the same corpus at once. */
async function keep(folder: string, fileName: string, text: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await isTrusted(folder))) throw new Error(`${folder} belongs to another user`);
  const path = join(folder, fileName);
  await writeWhole(path, [Buffer.from(text)], `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  return path;
}
