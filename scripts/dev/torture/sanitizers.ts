import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readStamp } from '../../setup/addon';
import type { Figures, Torture } from './torture';

const ROOT = join(__dirname, '..', '..', '..');
const BUILD = join(ROOT, 'build', 'sanitized');
/** Leak detection is off: Node never cleans up when it exits. The soak test measures leaks of sessions. */
const ENV = { ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1', UBSAN_OPTIONS: 'halt_on_error=1' };

/**
 * The C++ tests, and sequences of calls to the addon, with AddressSanitizer and UndefinedBehaviorSanitizer. Builds
 * everything again, which takes minutes.
 *
 * @param torture.count Number of sequences.
 */
export async function sanitizers({ seed, count, show }: Torture): Promise<Figures> {
  const libtorch = readStamp(ROOT)?.libtorch?.dir;
  if (!libtorch) throw new Error('The addon is not built: run npm run setup');
  mkdirSync(BUILD, { recursive: true });
  show('building with sanitizers');
  const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
  const options = ['-O', BUILD, `--CDLIBTORCH=${libtorch}`, '--CDSANITIZE=ON'];
  await run(process.execPath, [cmakeJs, 'configure', '-d', ROOT, ...options]);
  await run('cmake', ['--build', BUILD, '--target', 'tangshi', 'native-tests', 'inference-tests']);

  show('the C++ tests');
  const tests = (await passed('native-tests')) + (await passed('inference-tests'));
  show(`${count} sequences`);
  const library = execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  const program = `
    const { dirname, join } = require('node:path');
    const Module = require('node:module');
    const load = Module._load;
    Module._load = (request, ...rest) => load(
      request.endsWith('tangshi.node') ? ${JSON.stringify(join(BUILD, 'Release', 'tangshi.node'))} : request, ...rest);
    require('ts-node/register');
    require(${JSON.stringify(join(__dirname, 'sequences.ts'))})
      .sequences({ seed: ${seed}, count: ${count}, folder: '', show() {} })
      .then((figures) => console.log(JSON.stringify(figures)));`;
  const sequences = await run(process.execPath, ['-e', program], { ...ENV, LD_PRELOAD: library });
  return { 'C++ tests': tests, ...JSON.parse(sequences.stdout) };
}

/** Runs a test program. Returns its number of tests. */
async function passed(program: string): Promise<number> {
  const { stdout } = await run(join(BUILD, program), [], ENV);
  const tests = /(\d+) passed, 0 failed\s*$/.exec(stdout)?.[1];
  if (!tests) throw new Error(`${program} failed: ${stdout}`);
  return Number(tests);
}

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return promisify(execFile)(command, args, {
    cwd: ROOT,
    env: { ...process.env, TANGSHI_SETUP: ROOT, ...env },
    maxBuffer: 2 ** 28,
  });
}
