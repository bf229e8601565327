/** Folders in lib/ may only import downwards, and lib/ may not mention the command line. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(__dirname, '..');
/** In order: a folder may import from itself and those after it. */
const LAYERS = ['browser', 'train', 'eval', 'model', 'verse', 'config', 'data', 'native', 'util'];

const filesIn = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => /\.(ts|js)$/.test(path));

const sourceOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Relative imports of a file, as paths from the root. */
function importsOf(path: string): string[] {
  const specifiers = [...sourceOf(path).matchAll(/(?:\bfrom|\bimport|\brequire\()\s*'(\.[^']*)'/g)];
  return specifiers.map(([, specifier]) => relative(ROOT, join(ROOT, dirname(path), specifier as string)));
}

const layerOf = (path: string) => path.split('/')[1] ?? '';
const libFiles = filesIn('lib');

test('every folder in lib/ is in the list of layers', () => {
  const folders = readdirSync(join(ROOT, 'lib')).filter((name) => !name.endsWith('.ts'));
  expect(folders.sort()).toEqual([...LAYERS].sort());
});

test.each(libFiles.filter((path) => path !== 'lib/index.ts'))('%s imports only downwards', (path) => {
  const allowed = LAYERS.slice(LAYERS.indexOf(layerOf(path)));
  for (const imported of importsOf(path)) {
    expect(imported).toMatch(/^lib\//);
    expect(allowed).toContain(layerOf(imported));
  }
});

test('lib/index.ts imports from lib/', () => {
  const imports = importsOf('lib/index.ts');
  expect(imports.length).toBeGreaterThan(10);
  expect(imports.filter((path) => !path.startsWith('lib/'))).toEqual([]);
});

test.each(filesIn('scripts').filter((path) => path.endsWith('.ts')))(
  '%s imports only from lib/ and scripts/',
  (path) => {
    expect(importsOf(path).filter((imported) => !/^(lib|scripts)(\/|$)/.test(imported))).toEqual([]);
  },
);

test.each(libFiles)('%s does not mention command-line flags', (path) => {
  expect(sourceOf(path)).not.toMatch(/(?<![\w-])--[a-z]/);
});
