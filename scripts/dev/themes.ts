import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadPoems } from '../../lib';
import type { ThemeTable } from '../../lib/data/theme';
import { newCommand, run } from '../cli/command';
import { MODERN_WORDS } from './modern-words';

const TABLE = join(__dirname, '../../lib/data/themes.json');
const CORPORA = { data: 'poems', extra: ['quantangshi', 'quansongshi'] } as const;
/** Minimum number of poems with a title. */
const COMMON = 6;
/** Minimum number of different titles with a character that counts as usual. */
const USUAL = 40;
/** Minimum number of poems that have both a character and a title. */
const TOGETHER = 8;
/** Minimum ratio of that number to the one expected by chance. */
const LIFT = 3;
/** Maximum number of titles per character. */
const KEPT = 2;
const HAN = /^\p{Unified_Ideograph}+$/u;

const command = newCommand('themes')
  .description(
    'Builds the table of themes (lib/data/themes.json): titles that many poems of Tang and Song have, and the ones of each character.',
  )
  .action(async () => {
    await writeFile(TABLE, `${JSON.stringify(await buildTable())}\n`);
  });

type Poem = Readonly<{ text: string; title: string }>;

async function buildTable(): Promise<ThemeTable> {
  const options = {
    ...CORPORA,
    extra: [...CORPORA.extra],
    cleaning: 'modern',
    heldOut: 0.05,
    titles: true,
  } as const;
  const { train, headings } = await loadPoems(options);
  const poems = train.map((text): Poem => ({ text, title: headings?.get(text)?.title ?? '' }));
  const whole = counted(poems.map(({ title }) => title).filter((title) => /^.{1,4}$/u.test(title)));
  const titles = [...whole].filter(([, count]) => count >= COMMON).map(([title]) => title);
  const different = [...new Set(poems.map(({ title }) => title))];
  const inTitles = counted(different.flatMap((title) => [...new Set(title)]));
  const usual = [...inTitles].filter(([, count]) => count >= USUAL).map(([char]) => char);
  const chars = titlesOfCharacters(poems, titles, new Set(usual));
  const needed = [...new Set(Object.values(chars).flat())].sort((a, b) => a - b);
  return {
    modern: MODERN_WORDS,
    titles: needed.map((i) => titles[i] as string),
    usual: usual.sort().join(''),
    chars: Object.fromEntries(
      Object.entries(chars).map(([char, all]) => [char, all.map((i) => needed.indexOf(i))]),
    ),
  };
}

/** For each other character the indices of the titles to which it belongs most, by pointwise mutual information. */
function titlesOfCharacters(
  poems: readonly Poem[],
  titles: readonly string[],
  usual: ReadonlySet<string>,
): Record<string, number[]> {
  const indices = new Map(titles.map((title, i) => [title, i]));
  const total = counted(poems.flatMap(({ text }) => [...new Set(text)]));
  const withTitle = titles.map(() => 0);
  const together = titles.map(() => new Map<string, number>());
  for (const { text, title } of poems) {
    for (const i of partsOf(title).flatMap((part) => indices.get(part) ?? [])) {
      withTitle[i] = (withTitle[i] as number) + 1;
      for (const char of new Set(text)) add(together[i] as Map<string, number>, char);
    }
  }
  const best = new Map<string, { index: number; score: number }[]>();
  for (const [index, counts] of together.entries()) {
    for (const [char, count] of counts) {
      const expected = ((withTitle[index] as number) * (total.get(char) as number)) / poems.length;
      if (usual.has(char) || count < TOGETHER || count < LIFT * expected || !HAN.test(char)) continue;
      const score = Math.log(count / expected) * Math.log(count);
      best.set(char, [...(best.get(char) ?? []), { index, score }]);
    }
  }
  const entries = [...best].map(([char, all]): [string, number[]] => [
    char,
    all
      .sort((a, b) => b.score - a.score)
      .slice(0, KEPT)
      .map(({ index }) => index),
  ]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The parts of one to four characters, each once. */
function partsOf(title: string): string[] {
  const chars = [...title];
  const parts = [1, 2, 3, 4].flatMap((length) =>
    chars.slice(0, chars.length - length + 1).map((_, i) => chars.slice(i, i + length).join('')),
  );
  return [...new Set(parts)];
}

function counted(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) add(counts, item);
  return counts;
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

run(command);
