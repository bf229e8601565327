import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireSource } from '../../../lib/data/corpus-source';
import { toStandardForms } from '../../../lib/data/standard-forms';
import { scriptConverter } from '../../../lib/util/script-conversion';

/** Poems of the package chinese-poetry, in simplified characters. */
export type Sources = Readonly<{
  /** Lines of each poem, without punctuation. */
  poems: readonly (readonly string[])[];
  /** For each simplified character, how often it stands for which traditional one. */
  forms: ReadonlyMap<string, ReadonlyMap<string, number>>;
}>;

const MARKS = /[，。？！；：、]/u;

/** Poems of the complete Tang (`tang`) or Song (`song`) poems; duplicates are left out. */
export async function readSources(dynasty: 'tang' | 'song'): Promise<Sources> {
  const folder = join(requireSource().folder, 'dist/quantangshi');
  const simplify = scriptConverter('to-simplified');
  const forms = new Map<string, Map<string, number>>();
  const poems = new Map<string, readonly string[]>();
  const names = (await readdir(folder)).filter((name) => name.startsWith(`poet.${dynasty}.`)).sort();
  for (const name of names) {
    const texts = (JSON.parse(await readFile(join(folder, name), 'utf8')) as { paragraphs: string[] }[]).map(
      ({ paragraphs }) => paragraphs.join('').replaceAll('\n', ''),
    );
    const traditional = texts.join('\n');
    const simplified = toStandardForms(traditional, simplify(traditional), simplify).split('\n');
    for (const [i, text] of texts.entries()) {
      countForms(simplified[i] as string, text, forms);
      const lines = (simplified[i] as string).split(MARKS).filter(Boolean);
      poems.set(lines.join('，'), lines);
    }
  }
  return { poems: [...poems.values()], forms };
}

function countForms(simplified: string, traditional: string, forms: Map<string, Map<string, number>>): void {
  const [short, long] = [[...simplified], [...traditional]];
  if (short.length !== long.length) return;
  for (const [i, char] of short.entries()) {
    let counts = forms.get(char);
    if (!counts) {
      counts = new Map();
      forms.set(char, counts);
    }
    const form = long[i] as string;
    counts.set(form, (counts.get(form) ?? 0) + 1);
  }
}
