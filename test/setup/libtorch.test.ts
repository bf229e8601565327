import * as path from 'node:path';
import { Clone, fakeLibtorch, fakeWheel, folder, removeFolders } from './clone';

afterAll(removeFolders);

/** A python3 that has the torch in `dir`. */
const pythonWith = (dir: string) => `case "$2" in *find_spec*) echo '${dir}' ;; *) exit 1 ;; esac`;

describe('finding libtorch', () => {
  test('tries LIBTORCH, then the cache, then python3', async () => {
    const clone = new Clone();
    const inPython = fakeLibtorch(folder(), '2.12.0');
    const named = fakeLibtorch(folder(), '2.12.1');
    clone.python(pythonWith(inPython));
    expect((await clone.run(['--where'])).stdout).toBe(`${inPython}\n`);
    fakeLibtorch(clone.cached, '2.13.0');
    expect((await clone.run(['--where'])).stdout).toBe(`${clone.cached}\n`);
    expect((await clone.run(['--where'], { LIBTORCH: named })).stdout).toBe(`${named}\n`);
  });

  test('the cache is in the home folder if XDG_CACHE_HOME is unusable', async () => {
    const clone = new Clone();
    const cached = path.join(
      clone.home,
      '.cache',
      path.relative(path.join(clone.home, 'cache'), clone.cached),
    );
    fakeLibtorch(cached, '2.13.0');
    for (const XDG_CACHE_HOME of ['', 'not/absolute']) {
      expect((await clone.run(['--where'], { XDG_CACHE_HOME })).stdout).toBe(`${cached}\n`);
    }
  });

  test.each([
    ['2.11.0+cpu', 'build-version'],
    ['2.13.1+cu130', 'version.py'],
    ['2.14.1', 'include/torch/headeronly/version.h'],
  ])('accepts version %s in %s', async (version, file) => {
    const LIBTORCH = fakeLibtorch(folder(), version, file);
    expect(await new Clone().run(['--where'], { LIBTORCH })).toEqual({
      code: 0,
      stdout: `${LIBTORCH}\n`,
      stderr: '',
    });
  });

  test.each([
    ['1.13.1', 'build-version'],
    ['2.10.0+cpu', 'version.py'],
    ['3.0.0', 'include/torch/headeronly/version.h'],
  ])('rejects version %s in LIBTORCH, and names it', async (version, file) => {
    const LIBTORCH = fakeLibtorch(folder(), version, file);
    const { code, stdout, stderr } = await new Clone().run([], { LIBTORCH });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`LIBTORCH is set to ${LIBTORCH}`);
    expect(stderr).toContain(`libtorch ${version.split('+')[0]}`);
    expect(stderr).toContain('unset it');
  });

  test('an invalid or incomplete LIBTORCH is an error even if another libtorch is available', async () => {
    const clone = new Clone();
    fakeLibtorch(clone.cached, '2.13.0');
    const none = await clone.run(['--where'], { LIBTORCH: '/nowhere' });
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('there is no libtorch in /nowhere');
    const LIBTORCH = fakeLibtorch(folder(), '2.13.0');
    require('node:fs').rmSync(path.join(LIBTORCH, 'lib'), { recursive: true });
    expect((await clone.run(['--where'], { LIBTORCH })).stderr).toMatch(
      /is incomplete: lib\/libtorch\.\w+ is missing/,
    );
  });

  test('a torch of python3 that is too old is reported and ignored', async () => {
    const clone = new Clone();
    const old = fakeLibtorch(folder(), '2.10.0');
    const wheel = fakeWheel('torch-2.13.0+cpu-cp311-cp311-fake.whl');
    clone.python(`case "$*" in *find_spec*) echo '${old}' ;; *download*) cp '${wheel}' . ;; esac`);
    const { stdout, stderr } = await clone.run(['--where']);
    expect(stderr).toContain(`ignoring the torch of python3: ${old} has libtorch 2.10.0`);
    expect(stdout).toBe(`${clone.cached}\n`);
  });
});
