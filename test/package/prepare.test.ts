/** npm runs the script prepare when it installs from git, and in a clone on every npm install. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
let clone: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'tangshi-prepare-'));
  for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'lib', 'scripts'])
    cpSync(join(ROOT, name), join(clone, name), { recursive: true });
});
afterEach(() => rmSync(clone, { recursive: true }));

const prepare = () => execFileSync('npm', ['run', 'prepare'], { cwd: clone, stdio: 'pipe' });

test('prepare compiles dist/', () => {
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  prepare();
  expect(existsSync(join(clone, 'dist/lib/index.js'))).toBe(true);
  expect(existsSync(join(clone, 'dist/scripts/cli/tangshi.js'))).toBe(true);
}, 60_000);

test('prepare does nothing without the development dependencies', () => {
  mkdirSync(join(clone, 'node_modules'));
  prepare();
  expect(existsSync(join(clone, 'dist'))).toBe(false);
});

test('the copy that npm packs from git is not built as an addon', () => {
  cpSync(join(ROOT, 'package-lock.json'), join(clone, 'package-lock.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  execFileSync(process.execPath, ['scripts/setup/setup.js', '--installing'], {
    cwd: clone,
    env: { ...process.env, _PACOTE_NO_PREPARE_: 'git+file:///somewhere' },
    stdio: 'pipe',
  });
  expect(existsSync(join(clone, 'build'))).toBe(false);
});
