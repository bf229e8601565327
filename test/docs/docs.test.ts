import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../..');
const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);
const PAGES = ['', 'docs', 'docs/api', 'docs/guide', 'models']
  .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md'));
/** White space differs between versions of the generator, and with it the width of tables. */
const wordsOf = (page: string) => page.replace(/-{3,}/g, '---').trim().split(/\s+/);
const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8');

test('the API reference matches the comments in lib/', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tangshi-docs-'));
  try {
    execFileSync(bin('typedoc'), ['--out', folder], { cwd: ROOT });
    const options = { cwd: ROOT, encoding: 'utf8', input: readFileSync(join(folder, 'README.md')) } as const;
    const page = execFileSync(bin('biome'), ['format', '--stdin-file-path=docs/api/README.md'], options);
    expect(wordsOf(page)).toEqual(wordsOf(textOf('docs/api/README.md'))); // if this fails: npm run docs
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);

test.each(PAGES)('%s: links point to existing files', (page) => {
  const targets = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);
  const local = targets
    .filter((target) => !/^https?:/.test(target))
    .map((target) => target.split('#')[0] as string);
  expect(local.filter((path) => !existsSync(join(ROOT, dirname(page), path)))).toEqual([]);
});

/** In docs/api, TypeDoc numbers the anchors of repeated headings differently. */
const WRITTEN_PAGES = PAGES.filter((page) => !page.startsWith(join('docs', 'api')));

test.each(WRITTEN_PAGES)('%s: links point to existing sections', (page) => {
  const text = textOf(page).replace(/```.*?```/gs, '');
  const targets = [...text.matchAll(/\]\(([^)\s#]*)#([^)\s]+)\)/g)].map(
    ([, path, section]) => [path, section] as [string, string],
  );
  const missing = targets
    .filter(([path]) => !/^https?:/.test(path))
    .filter(([path, section]) => !sectionsOf(path ? join(dirname(page), path) : page).has(section));
  expect(missing).toEqual([]);
});

/** Anchors of the headings, as GitHub generates them: repeated headings are numbered. */
function sectionsOf(page: string): Set<string> {
  const text = textOf(page).replace(/```.*?```/gs, '');
  const counts = new Map<string, number>();
  const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
  return new Set(anchors);
}

test.each(PAGES)('%s: npm scripts exist', (page) => {
  const { scripts } = JSON.parse(textOf('package.json'));
  const named = [...textOf(page).matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g)].map(
    ([, name]) => name as string,
  );
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
