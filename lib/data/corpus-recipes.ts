import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { TangshiError, throwIfAborted } from '../util/errors';
import { toStandardForms } from './standard-forms';

/**
 * Corpora built from the npm package chinese-poetry:
 * - `poems`: the imperial anthology of Tang poetry (御定全唐詩)
 * - `tangshi`: Three Hundred Tang Poems (唐詩三百首)
 * - `quantangshi`: another edition of the complete Tang poems (全唐詩), with more poems and variant characters
 * - `quansongshi`: the complete Song poems (全宋詩): six times as many, in the same forms
 */
export const BUILTIN_CORPORA = ['poems', 'tangshi', 'quantangshi', 'quansongshi'] as const;
/** The name of a built-in corpus: one of `BUILTIN_CORPORA`. */
export type BuiltinCorpus = (typeof BUILTIN_CORPORA)[number];

type SourcePoem = Readonly<{
  title: string;
  rows: readonly string[];
  /** The rows before variants were replaced by standard forms, if any differ. */
  variantRows?: readonly string[];
}>;

/** A corpus as lines. */
export type CorpusLines = Readonly<{
  lines: readonly string[];
  /** Lines as they were before variants were replaced by standard forms, by index; only those that differ. */
  variants: ReadonlyMap<number, string>;
}>;
type Recipe = Readonly<{
  /** A folder or file of chinese-poetry. */
  source: string;
  /** Selects files in the folder. */
  files?: RegExp;
  /** Whether poems are written as `title:content` or as untitled lines. */
  titled: boolean;
  /** Matches text that does not belong to a poem. */
  strip?: RegExp;
  /** The edition that has the missing lines of incomplete poems. */
  completedBy?: BuiltinCorpus;
}>;

const RECIPES: Readonly<Record<BuiltinCorpus, Recipe>> = {
  poems: { source: 'dist/yudingquantangshi/json', titled: true, completedBy: 'quantangshi' },
  tangshi: {
    source: 'dist/mengxue/tangshisanbaishou.json',
    titled: false,
    // Every fifth poem has a note on a variant, for which the classic cleaning would drop the poem.
    strip: /[(（][^()（）]*[)）]/g,
  },
  quantangshi: { source: 'dist/quantangshi', files: /^poet\.tang\./, titled: true },
  quansongshi: { source: 'dist/quantangshi', files: /^poet\.song\./, titled: true },
};

/** Poems to process before yielding to the event loop. */
const POEMS_PER_TURN = 1000;

/** Whether a value is the name of a built-in corpus. */
export function isBuiltinCorpus(value: unknown): value is BuiltinCorpus {
  return (BUILTIN_CORPORA as readonly unknown[]).includes(value);
}

/** The format of the text of a corpus. */
export function builtinFormat(name: BuiltinCorpus): 'titled' | 'lines' {
  return RECIPES[name].titled ? 'titled' : 'lines';
}

/**
 * A corpus, one poem per line, not cleaned. Blocks the event loop for at most one file at a time.
 *
 * @param root Folder of chinese-poetry.
 * @param simplify Converts traditional characters to simplified ones.
 * @param signal Abort to stop after the file in progress.
 * @throws ERR_TANGSHI_CORPUS if a file cannot be read. AbortError
 */
export async function corpusLines(
  name: BuiltinCorpus,
  root: string,
  simplify: (text: string) => string,
  signal?: AbortSignal,
): Promise<CorpusLines> {
  const recipe = RECIPES[name];
  const poems = await readSource(recipe, root, simplify, signal);
  const whole = recipe.completedBy
    ? await completePoems(
        poems,
        await readSource(RECIPES[recipe.completedBy], root, simplify, signal),
        signal,
      )
    : poems;
  const toLine = (title: string, rows: readonly string[]) =>
    recipe.titled ? `${title}:${rows.join('')}` : rows.join('');
  const variants = new Map<number, string>();
  for (const [i, { title, variantRows }] of whole.entries())
    if (variantRows) variants.set(i, toLine(title, variantRows));
  return { lines: whole.map(({ title, rows }) => toLine(title, rows)), variants };
}

async function readSource(
  { source, files, strip }: Recipe,
  root: string,
  simplify: (text: string) => string,
  signal: AbortSignal | undefined,
): Promise<SourcePoem[]> {
  const poems: SourcePoem[] = [];
  for (const file of await listSources(join(root, source), files)) {
    throwIfAborted(signal);
    for (const { title, rows } of await readPoems(file)) {
      poems.push(convert(title, rows, strip, simplify));
    }
  }
  return poems;
}

function convert(
  title: string,
  sourceRows: readonly string[],
  strip: RegExp | undefined,
  simplify: (text: string) => string,
): SourcePoem {
  // A match may extend over several rows.
  const text = sourceRows.map(onOneLine).join('\n');
  const stripped = strip ? text.replace(strip, '') : text;
  const simplified = simplify(stripped);
  const standard = toStandardForms(stripped, simplified, simplify);
  return {
    title: onOneLine(toStandardForms(title, simplify(title), simplify)),
    rows: standard.split('\n'),
    variantRows: standard === simplified ? undefined : simplified.split('\n'),
  };
}

/**
 * The package has lost every other couplet of poems in long lines of the imperial anthology, a quarter of all poems. A
 * row that was cut ends in a comma. Takes such poems from the other edition, and leaves out those that are not there (1
 * in 1,000 poems).
 */
async function completePoems(
  poems: readonly SourcePoem[],
  edition: readonly SourcePoem[],
  signal: AbortSignal | undefined,
): Promise<readonly SourcePoem[]> {
  const byLine = new Map<string, SourcePoem[]>();
  for (const [i, poem] of edition.entries()) {
    if (i % POEMS_PER_TURN === 0) await nextTurn(signal);
    for (const line of new Set(linesOf(poem))) {
      const others = byLine.get(line);
      if (others) others.push(poem);
      else byLine.set(line, [poem]);
    }
  }
  const whole: SourcePoem[] = [];
  for (const [i, poem] of poems.entries()) {
    if (i % POEMS_PER_TURN === 0) await nextTurn(signal);
    if (!poem.rows.some((row) => row.endsWith('，'))) {
      whole.push(poem);
      continue;
    }
    const found = mostShared(poem, byLine);
    if (found) whole.push({ ...found, title: poem.title });
  }
  return whole;
}

/** Lets the event loop run: otherwise signals of the process would not be received. */
async function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  throwIfAborted(signal);
}

/** The poem that shares the most lines: at least two, and a third of its own. */
function mostShared(
  poem: SourcePoem,
  byLine: ReadonlyMap<string, readonly SourcePoem[]>,
): SourcePoem | undefined {
  const shared = new Map<SourcePoem, number>();
  for (const line of linesOf(poem)) {
    for (const other of byLine.get(line) ?? []) shared.set(other, (shared.get(other) ?? 0) + 1);
  }
  let best: SourcePoem | undefined;
  for (const [other, count] of shared) if (count > (best ? (shared.get(best) as number) : 1)) best = other;
  return best && (shared.get(best) as number) * 3 >= linesOf(best).length ? best : undefined;
}

/** Lines between punctuation marks, including notes and marks of lost characters. */
function linesOf({ rows }: SourcePoem): string[] {
  return rows
    .join('')
    .split(/[，。？！；：、]/)
    .filter(Boolean);
}

async function listSources(path: string, wanted = /\.json$/): Promise<string[]> {
  if (path.endsWith('.json')) return [path];
  const names = await readdir(path).catch((error: unknown) => failSource(path, error));
  return names
    .filter((name) => name.endsWith('.json') && wanted.test(name))
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

/** chinese-poetry nests poems in `content` arrays, at most two levels deep. */
function collectPoems(value: unknown): SourcePoem[] {
  if (Array.isArray(value)) return value.flatMap(collectPoems);
  if (typeof value !== 'object' || value === null) return [];
  if ('paragraphs' in value && Array.isArray(value.paragraphs)) {
    const title = 'title' in value && typeof value.title === 'string' ? value.title : '';
    return [{ title, rows: value.paragraphs.map(String) }];
  }
  return 'content' in value ? collectPoems(value.content) : [];
}

/** Line ends and ASCII colons are the syntax of the text format, so titles and poems must not contain them. */
function onOneLine(text: string): string {
  return text.replace(/[\r\n]+/g, '').replaceAll(':', '：');
}

function failSource(path: string, error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `Cannot read ${path} (${reason}): run npm install chinese-poetry again`,
    {
      cause: error,
    },
  );
}
