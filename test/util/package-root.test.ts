import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

const REPOSITORY = join(__dirname, '..', '..');

/** Loads the module from another path, as a bundle would. */
function loadedFrom(folder: string): string {
  for (const name of ['package-root', 'errors']) {
    const source = readFileSync(join(REPOSITORY, 'lib', 'util', `${name}.ts`), 'utf8');
    const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 };
    writeFileSync(join(folder, `${name}.js`), transpileModule(source, { compilerOptions }).outputText);
  }
  const program = `
    try { console.log(require(${JSON.stringify(join(folder, 'package-root.js'))}).ROOT); }
    catch (error) { console.log(error.code, error.message); }`;
  return execFileSync(process.execPath, ['-e', program], { cwd: folder, encoding: 'utf8' }).trim();
}

test.each([
  ['without a package.json above', undefined],
  ["with another package's", '{"name":"mine"}'],
])('a bundle %s is rejected with an explanation', (_, packageJson) => {
  const folder = mkdtempSync(join(tmpdir(), 'tangshi-bundle-'));
  try {
    if (packageJson !== undefined) writeFileSync(join(folder, 'package.json'), packageJson);
    expect(loadedFrom(folder)).toMatch(/^ERR_TANGSHI_ADDON .*mark tangshi as external/);
    writeFileSync(join(folder, 'package.json'), '{"name":"tangshi"}');
    expect(loadedFrom(folder)).toBe(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
