import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TangshiError, throwIfAborted } from '../util/errors';
import { nextTurn } from '../util/event-loop';
import { type BuiltinCorpus, RECIPES, type Recipe } from './corpus-recipes';
import { toStandardForms } from './standard-forms';

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
/** Poems to process before yielding to the event loop. */
const POEMS_PER_TURN = 1000;

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
  recipe: Recipe,
  root: string,
  simplify: (text: string) => string,
  signal: AbortSignal | undefined,
): Promise<SourcePoem[]> {
  const poems: SourcePoem[] = [];
  for (const file of await listSources(join(root, recipe.source), recipe.files)) {
    throwIfAborted(signal);
    for (const poem of await readPoems(file)) {
      if (isWhole(poem, recipe)) poems.push(convert(poem, recipe, simplify));
    }
  }
  return poems;
}

function isWhole({ rows }: SourcePoem, { fewest = 0 }: Recipe): boolean {
  return (rows.join('').match(/[\p{Unified_Ideograph}□]/gu)?.length ?? 0) >= fewest;
}

function convert(
  { title, rows }: SourcePoem,
  { strip, repairs = [] }: Recipe,
  simplify: (text: string) => string,
): SourcePoem {
  // A match may extend over several rows.
  const text = rows.map(onOneLine).join('\n');
  const repaired = repairs.reduce((whole, [wrong, right]) => whole.replace(wrong, right), text);
  const stripped = strip ? repaired.replace(strip, '') : repaired;
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
    if (i % POEMS_PER_TURN === 0) await pause(signal);
    for (const line of new Set(linesOf(poem))) {
      const others = byLine.get(line);
      if (others) others.push(poem);
      else byLine.set(line, [poem]);
    }
  }
  const whole: SourcePoem[] = [];
  for (const [i, poem] of poems.entries()) {
    if (i % POEMS_PER_TURN === 0) await pause(signal);
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
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await nextTurn();
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
    return [{ title: titleOf(value), rows: value.paragraphs.map(String) }];
  }
  return 'content' in value ? collectPoems(value.content) : [];
}

/** Of a ci, the usual name of its tune: the part after ・, if its author gave it another one. */
function titleOf(poem: object): string {
  if ('title' in poem && typeof poem.title === 'string') return poem.title;
  if ('rhythmic' in poem && typeof poem.rhythmic === 'string') return poem.rhythmic.replace(/^.*・/u, '');
  return '';
}

/** Line ends and ASCII colons are the syntax of the text format, so titles and poems must not contain them. */
function onOneLine(text: string): string {
  return text.replace(/[\r\n]+/g, '').replaceAll(':', '：');
}

function failSource(path: string, error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new TangshiError(
    'ERR_TANGSHI_CORPUS',
    `Cannot read ${path} (${reason}): remove the package chinese-poetry there and install it again`,
    {
      cause: error,
    },
  );
}
