import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Clone, ended, fakeLibtorch, folder, removeFolders, until, write } from './clone';

afterAll(removeFolders);

const source = 'native/addon.cc';

describe('building the addon', () => {
  const clone = new Clone();
  const LIBTORCH = fakeLibtorch(folder(), '2.13.0+cpu');
  const built = /building the addon for training, because (.*?)[\n(]/;

  test('builds it on the first run, and names the libtorch in use', async () => {
    const { code, stdout, stderr } = await clone.run([], { LIBTORCH });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain(`libtorch 2.13.0 (cpu) from LIBTORCH, ${LIBTORCH}`);
    expect(clone.addon()).toBe(LIBTORCH);
  });

  test('with everything in place, prints nothing and takes no longer than starting Node a few times', async () => {
    const nothing = { code: 0, stdout: '', stderr: '' };
    const [setUps, starts]: [number[], number[]] = [[], []];
    for (let i = 0; i < 5; i++) {
      const started = performance.now();
      expect(await ended(spawn(process.execPath, ['-e', '0']))).toEqual(nothing);
      const between = performance.now();
      expect(await clone.run([], { LIBTORCH })).toEqual(nothing);
      starts.push(between - started);
      setUps.push(performance.now() - between);
    }
    expect(Math.min(...setUps)).toBeLessThan(4 * Math.min(...starts));
  });

  test('rebuilds it if a source changes, even with the same time and size', async () => {
    const file = path.join(clone.root, source);
    const { atime, mtime } = fs.statSync(file);
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('path;', 'paht;').replace('&path', '&paht'));
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('return path', 'return paht'));
    fs.utimesSync(file, atime, mtime);
    const { stderr } = await clone.run([], { LIBTORCH });
    expect(stderr.match(built)?.[1]?.trim()).toBe('its sources changed');
    expect(stderr).not.toContain('from LIBTORCH');
  });

  test('rebuilds it if libtorch or Node changes, or the addon is missing', async () => {
    const other = fakeLibtorch(folder(), '2.14.0+cpu');
    const moved = await clone.run([], { LIBTORCH: other });
    expect(moved.stderr.match(built)?.[1]?.trim()).toBe('libtorch changed');
    expect(moved.stderr).toContain(`libtorch 2.14.0 (cpu) from LIBTORCH, ${other}`);
    expect(clone.addon()).toBe(other);
    const stamp = path.join(clone.root, 'build/tangshi.stamp.json');
    fs.writeFileSync(stamp, fs.readFileSync(stamp, 'utf8').replace(/modules \d+/, 'modules 1'));
    expect((await clone.run([], { LIBTORCH: other })).stderr.match(built)?.[1]?.trim()).toBe('Node changed');
    fs.rmSync(path.join(clone.root, 'build/Release/tangshi.node'));
    expect((await clone.run([], { LIBTORCH: other })).stderr.match(built)?.[1]?.trim()).toBe(
      'it is not built yet',
    );
    expect(clone.addon()).toBe(other);
  });

  test('prints a compiler error and the log; the old addon is not used instead', async () => {
    const right = fs.readFileSync(path.join(clone.root, source), 'utf8');
    write(clone.root, { [source]: right.replace('NAPI_AUTO_LENGTH', 'oops') });
    const { code, stderr } = await clone.run([], { LIBTORCH });
    expect(code).toBe(2);
    expect(stderr).toMatch(/oops/);
    expect(stderr).toContain(path.join(clone.root, 'build/setup.log'));
    write(clone.root, { [source]: right });
    expect((await clone.run([], { LIBTORCH })).stderr).toContain('built the addon');
    expect(clone.addon()).toBe(LIBTORCH);
  });

  test('two concurrent setups build it once', async () => {
    fs.rmSync(path.join(clone.root, 'build'), { recursive: true });
    const runs = await Promise.all([clone.run([], { LIBTORCH }), clone.run([], { LIBTORCH })]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    const said = runs.map(({ stderr }) => stderr).join('');
    expect(said.match(/built the addon/g)).toHaveLength(1);
    expect(said.match(/waiting for process \d+, which is setting up this clone/g)).toHaveLength(1);
  });

  test('after a kill in the middle, the next setup builds it', async () => {
    fs.rmSync(path.join(clone.root, 'build'), { recursive: true });
    const killed = clone.start([], { LIBTORCH });
    await until(() => fs.existsSync(path.join(clone.root, 'build/CMakeCache.txt')));
    killed.kill('SIGKILL');
    const { code, stderr } = await clone.run([], { LIBTORCH });
    expect(code).toBe(0);
    expect(stderr).toContain('built the addon');
    expect(clone.addon()).toBe(LIBTORCH);
    expect(fs.readdirSync(path.join(clone.root, 'build')).filter((name) => name.includes('lock'))).toEqual(
      [],
    );
  });

  test('a build that calls the setup does not start it again', async () => {
    expect(await clone.run([], { TANGSHI_SETUP: clone.root, PATH: '' })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});

test('names all missing tools before anything is downloaded', async () => {
  const clone = new Clone();
  const { code, stderr } = await clone.run([], { PATH: clone.bin, CXX: '' });
  expect(code).toBe(2);
  expect(stderr).toContain('cmake is not on PATH');
  expect(stderr).toContain('no C++ compiler is on PATH');
  expect(stderr).toContain('neither make nor ninja is on PATH');
  expect(stderr).toMatch(/apt install|brew install/);
  expect(stderr).not.toContain('downloading');
});
