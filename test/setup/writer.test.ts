/** The addon that generates poems: built without libtorch, or precompiled. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Clone, fakeLibtorch, folder, removeFolders } from './clone';

afterAll(removeFolders);

const nothing = { code: 0, stdout: '', stderr: '' };
const built = (clone: Clone) =>
  ['writer.node', 'tangshi.node'].filter((name) =>
    fs.existsSync(path.join(clone.root, 'build/Release', name)),
  );
const prebuilds = (clone: Clone, suffix = '') =>
  path.join(clone.root, 'prebuilds', `${process.platform}-${process.arch}${suffix}`);

describe('from source', () => {
  const clone = new Clone();

  test('--writer builds it without libtorch, once', async () => {
    const { code, stderr } = await clone.run(['--writer']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/building the addon, because it is not built yet/);
    expect(built(clone)).toEqual(['writer.node']);
    expect(await clone.run(['--writer'])).toEqual(nothing);
  });

  test('npm install builds it only if it is stale', async () => {
    expect(await clone.run(['--installing'])).toEqual(nothing);
    fs.rmSync(path.join(clone.root, 'build/Release/writer.node'));
    expect((await clone.run(['--installing'])).stderr).toMatch(/built the addon in/);
  });

  test('--remove removes the cache and the addon that needs libtorch', async () => {
    const cache = path.join(clone.home, 'cache/tangshi');
    fs.mkdirSync(path.join(cache, 'corpora'), { recursive: true });
    fs.writeFileSync(path.join(clone.root, 'build/Release/tangshi.node'), '');
    expect((await clone.run(['--remove'])).stderr).toMatch(/removed .*cache\/tangshi\n/);
    expect(fs.existsSync(cache)).toBe(false);
    expect(built(clone)).toEqual(['writer.node']);
    expect((await clone.run(['--remove'])).stderr).toMatch(/there is no .*cache\/tangshi\n/);
  });

  test('the whole set-up builds both', async () => {
    const LIBTORCH = fakeLibtorch(folder(), '2.13.0+cpu');
    expect((await clone.run([], { LIBTORCH })).stderr).toMatch(/built the addon for training/);
    expect(built(clone)).toEqual(['writer.node', 'tangshi.node']);
    expect(await clone.run(['--writer'], { LIBTORCH })).toEqual(nothing);
    expect(await clone.run([], { LIBTORCH })).toEqual(nothing);
  });
});

test('npm install succeeds without a compiler, and says what is missing and what to do', async () => {
  const clone = new Clone();
  const { code, stderr } = await clone.run(['--installing'], { PATH: clone.bin, CXX: '' });
  expect(code).toBe(0);
  expect(stderr).toContain('no C++ compiler is on PATH');
  expect(stderr).toContain('Then run: npx tangshi setup --writer');
  expect(built(clone)).toEqual([]);
});

describe('precompiled', () => {
  const clone = new Clone();
  beforeAll(async () => {
    await clone.run(['--writer']);
    fs.mkdirSync(prebuilds(clone), { recursive: true });
    fs.renameSync(
      path.join(clone.root, 'build/Release/writer.node'),
      path.join(prebuilds(clone), 'writer.node'),
    );
    fs.rmSync(path.join(clone.root, 'build'), { recursive: true });
  });

  test('nothing is built', async () => {
    expect(await clone.run(['--installing'], { PATH: clone.bin, CXX: '' })).toEqual(nothing);
    expect(fs.existsSync(path.join(clone.root, 'build'))).toBe(false);
  });

  test('on Linux, one for musl counts, too', async () => {
    fs.renameSync(prebuilds(clone), prebuilds(clone, '-musl'));
    expect(await clone.run(['--installing'])).toEqual(nothing);
    fs.renameSync(prebuilds(clone, '-musl'), prebuilds(clone));
  });

  test('one that does not load is not used', async () => {
    const file = path.join(prebuilds(clone), 'writer.node');
    fs.writeFileSync(file, 'no library');
    expect((await clone.run(['--installing'])).stderr).toMatch(/building the addon/);
    expect(built(clone)).toEqual(['writer.node']);
  });

  test('in a clone of the repository, which has tests, sources count', async () => {
    fs.rmSync(path.join(clone.root, 'build'), { recursive: true });
    fs.mkdirSync(path.join(clone.root, 'native/test'));
    expect((await clone.run(['--writer'])).stderr).toMatch(/building the addon/);
  });
});

// Not as root, who may write everywhere.
(process.getuid?.() === 0 ? test.skip : test)(
  'a package that cannot be written to: in the cache',
  async () => {
    const clone = new Clone();
    fs.chmodSync(clone.root, 0o555);
    try {
      expect((await clone.run(['--installing'])).code).toBe(0);
      const [build] = fs.readdirSync(path.join(clone.home, 'cache/tangshi'));
      expect(build).toMatch(/^build-\d+\.\d+\.\d+-/);
      expect(
        fs.existsSync(path.join(clone.home, 'cache/tangshi', build as string, 'Release/writer.node')),
      ).toBe(true);
    } finally {
      fs.chmodSync(clone.root, 0o755);
    }
  },
);
