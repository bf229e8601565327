import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { TangshiError } from '../util/errors';

/**
 * Corpora made from the npm package chinese-poetry:
 * - `poems`: the imperial anthology of Tang poetry (御定全唐詩)
 * - `tangshi`: 唐詩三百首
 * - `quantangshi`: 全唐詩 as another edition has it, with more poems and other characters here and there
 * - `quansongshi`: 全宋詩, six times as many, in the same forms
 */
export const BUILTIN = ['poems', 'tangshi', 'quantangshi', 'quansongshi'] as const;
/** The name of a corpus of `BUILTIN`. */
export type Builtin = (typeof BUILTIN)[number];

type SourcePoem = Readonly<{ title: string; rows: readonly string[] }>;
type Recipe = Readonly<{
  /** A folder of chinese-poetry, or a file. */
  source: string;
  /** Of the files in the folder. */
  files?: RegExp;
  /** Poems are written as `title:content`, else as bare lines. */
  titled: boolean;
  /** Removes everything that does not belong to a poem's text. */
  strip?: RegExp;
  /** Where poems that have lost lines have them. */
  mendedBy?: Builtin;
}>;

const RECIPES: Readonly<Record<Builtin, Recipe>> = {
  poems: { source: 'dist/yudingquantangshi/json', titled: true, mendedBy: 'quantangshi' },
  tangshi: {
    source: 'dist/mengxue/tangshisanbaishou.json',
    titled: false,
    // Every fifth poem carries a note on a variant, for which the classic cleaning would drop the poem.
    strip: /[(（][^()（）]*[)）]/g,
  },
  quantangshi: { source: 'dist/quantangshi', files: /^poet\.tang\./, titled: true },
  quansongshi: { source: 'dist/quantangshi', files: /^poet\.song\./, titled: true },
};

/** Poems between two turns of the event loop. */
const AT_ONCE = 1000;

export function isBuiltin(name: string): name is Builtin {
  return (BUILTIN as readonly string[]).includes(name);
}

/**
 * A corpus as text, a poem a line, otherwise as it stands in the source: cleaning is `clean.ts`'s work. The event loop
 * never waits longer than for one file.
 *
 * @param root Folder of chinese-poetry.
 * @param simplify Turns traditional characters into simplified ones.
 * @throws ECORPUS when a file cannot be read.
 */
export async function anthologyText(
  name: Builtin,
  root: string,
  simplify: (text: string) => string,
): Promise<string> {
  const recipe = RECIPES[name];
  const poems = await readAnthology(recipe, root, simplify);
  const whole = recipe.mendedBy
    ? await mended(poems, await readAnthology(RECIPES[recipe.mendedBy], root, simplify))
    : poems;
  return whole
    .map(({ title, rows }) => (recipe.titled ? `${title}:${rows.join('')}\n` : `${rows.join('')}\n`))
    .join('');
}

async function readAnthology(
  { source, files, strip }: Recipe,
  root: string,
  simplify: (text: string) => string,
): Promise<SourcePoem[]> {
  const poems: SourcePoem[] = [];
  const clean = (text: string) => simplify(strip ? text.replace(strip, '') : text);
  for (const file of await listSources(join(root, source), files)) {
    for (const { title, rows } of await readPoems(file)) {
      // What is stripped may go from one row to the next.
      const cleaned = clean(rows.map(onOneLine).join('\n')).split('\n');
      poems.push({ title: onOneLine(simplify(title)), rows: cleaned });
    }
  }
  return poems;
}

/**
 * Of the imperial anthology the package has lost every other couplet of a poem in long lines, a quarter of all poems:
 * where a row broke off, it ends in a comma. Such a poem is taken from the other edition; the few that are not there
 * (1 in 1,000 poems) are left out.
 */
async function mended(
  poems: readonly SourcePoem[],
  edition: readonly SourcePoem[],
): Promise<readonly SourcePoem[]> {
  const byLine = new Map<string, SourcePoem[]>();
  for (const [i, poem] of edition.entries()) {
    if (i % AT_ONCE === 0) await setImmediate();
    for (const line of new Set(linesOf(poem))) {
      const others = byLine.get(line);
      if (others) others.push(poem);
      else byLine.set(line, [poem]);
    }
  }
  const whole: SourcePoem[] = [];
  for (const [i, poem] of poems.entries()) {
    if (i % AT_ONCE === 0) await setImmediate();
    if (!poem.rows.some((row) => row.endsWith('，'))) {
      whole.push(poem);
      continue;
    }
    const found = mostShared(poem, byLine);
    if (found) whole.push({ title: poem.title, rows: found.rows });
  }
  return whole;
}

/** The poem that has most of these lines, at least two and a third of its own. */
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

/** Between marks; what a line has of notes and signs of loss stays in it. */
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

/** `chinese-poetry` nests poems in `content` arrays, two deep at most. */
function collectPoems(value: unknown): SourcePoem[] {
  if (Array.isArray(value)) return value.flatMap(collectPoems);
  if (typeof value !== 'object' || value === null) return [];
  if ('paragraphs' in value && Array.isArray(value.paragraphs)) {
    const title = 'title' in value && typeof value.title === 'string' ? value.title : '';
    return [{ title, rows: value.paragraphs.map(String) }];
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
