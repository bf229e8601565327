import * as fs from 'node:fs';
import * as path from 'node:path';
import { Clone, removeFolders, write } from './clone';

afterAll(removeFolders);

const { corporaFolder } = require('../../scripts/setup/corpora.js') as { corporaFolder: () => string };
const NAME = path.basename(corporaFolder());
const INTEGRITY = /'(sha512-[^']+)'/.exec(
  fs.readFileSync(path.join(__dirname, '../../scripts/setup/corpora.js'), 'utf8'),
)?.[1];

/** An npm that installs a small package of this integrity, then runs `after` in the folder. */
function npmBrings(clone: Clone, integrity: string | undefined, after = ':'): void {
  const lock = JSON.stringify({ packages: { 'node_modules/chinese-poetry': { integrity } } });
  const dist = 'node_modules/chinese-poetry/dist';
  const script = `#!/bin/sh
    for last; do :; done
    cd "$last" || exit 1
    echo "$*" >> '${clone.home}/calls'
    mkdir -p ${dist}/songci ${dist}/rank ${dist}/strains
    echo '{ "name": "chinese-poetry", "version": "2.0.1" }' > node_modules/chinese-poetry/package.json
    echo '${lock}' > node_modules/.package-lock.json
    ${after}`;
  fs.writeFileSync(path.join(clone.bin, 'npm'), script, { mode: 0o755 });
}

describe('--corpora', () => {
  test('puts the source of the corpora into the cache, once, without what no corpus is made from', async () => {
    const clone = new Clone();
    npmBrings(clone, INTEGRITY);
    const cache = path.join(clone.home, 'cache/tangshi');
    write(cache, { [`${NAME}.part-killed/left`]: '' });
    expect(await clone.run(['--corpora'])).toEqual({
      code: 0,
      stdout: '',
      stderr: 'tangshi: downloading the corpora: chinese-poetry 2.0.1\n',
    });
    expect(fs.readdirSync(cache)).toEqual([NAME]);
    const source = path.join(cache, NAME, 'node_modules/chinese-poetry');
    expect(fs.readdirSync(path.join(source, 'dist'))).toEqual(['songci']);
    expect(await clone.run(['--corpora'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(
      fs.readFileSync(path.join(clone.home, 'calls'), 'utf8').match(/chinese-poetry@2\.0\.1/g),
    ).toHaveLength(1);
  });

  test('refuses a package that is not the expected one', async () => {
    const clone = new Clone();
    npmBrings(clone, 'sha512-other');
    expect(await clone.run(['--corpora'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is not the expected one: sha512-other/),
    });
    expect(fs.readdirSync(path.join(clone.home, 'cache/tangshi'))).toEqual([]);
  });

  test('says where to put it if the cache cannot be written to', async () => {
    const clone = new Clone();
    npmBrings(clone, INTEGRITY);
    write(clone.home, { file: '' });
    expect(await clone.run(['--corpora'], { XDG_CACHE_HOME: path.join(clone.home, 'file') })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /cannot write .*file.tangshi \(ENOTDIR\)\.\n {2}Set XDG_CACHE_HOME to a folder/,
      ),
    });
  });

  test('shows what npm says if it fails', async () => {
    const clone = new Clone();
    npmBrings(clone, INTEGRITY, 'echo "npm error code ENOTFOUND" >&2; exit 1');
    expect(await clone.run(['--corpora'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/could not be downloaded:\n {2}npm error code ENOTFOUND/),
    });
    expect(fs.readdirSync(path.join(clone.home, 'cache/tangshi'))).toEqual([]);
  });
});

test('the library looks where the setup puts them', () => {
  const library = fs.readFileSync(path.join(__dirname, '../../lib/data/corpus-source.ts'), 'utf8');
  const version = /VERSION = '([^']+)'/.exec(library)?.[1];
  expect(NAME).toBe(`chinese-poetry-${version}`);
});

test('what earlier versions put into the cache is removed once nobody has used it for 90 days', () => {
  const { prune } = require('../../scripts/setup/cache.js') as { prune: (current: string[]) => void };
  const clone = new Clone();
  const { XDG_CACHE_HOME } = process.env;
  process.env.XDG_CACHE_HOME = clone.home;
  const cache = path.join(clone.home, 'tangshi');
  const names = [
    'libtorch-2.11.0-cpu-linux-x64',
    'libtorch-2.12.0-cpu-linux-x64',
    'build-0.0.9-linux-x64',
    'corpora',
  ];
  const old = new Date(Date.now() - 91 * 86_400_000);
  for (const name of [...names, 'build-0.1.0-linux-x64']) {
    fs.mkdirSync(path.join(cache, name), { recursive: true });
    if (!name.includes('2.12.0')) fs.utimesSync(path.join(cache, name), old, old);
  }
  try {
    prune([path.join(cache, 'build-0.1.0-linux-x64')]);
  } finally {
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
  }
  expect(fs.readdirSync(cache).sort()).toEqual([
    'build-0.1.0-linux-x64',
    'corpora',
    'libtorch-2.12.0-cpu-linux-x64',
  ]);
});
