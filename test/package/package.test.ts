import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** The package as its users get it: packed, installed into an empty project, and used in every way Node supports. */

const ROOT = join(__dirname, '../..');
/** Whether the package has the addon for this system, after `npm run prebuild`. */
const prebuilt = existsSync(join(ROOT, `prebuilds/${process.platform}-${process.arch}`));
const MINUTES = 60_000;
const INSTALL = 15 * MINUTES; // includes compiling the addon
const SETUP = 15 * MINUTES; // with libtorch
let folder: string;
let app: string;
let tarball: string;

/** As in a shell in the project, without the variables of the npm that runs the tests. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$/i.test(name)),
);

type Output = { stdout: string; stderr: string; code: number };
async function run(file: string, args: readonly string[], cwd = app): Promise<Output> {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, { cwd, env, maxBuffer: 2 ** 28 });
    return { stdout, stderr, code: 0 };
  } catch (error) {
    const { stdout, stderr, code } = error as Output;
    return { stdout, stderr, code };
  }
}

async function succeed(file: string, args: readonly string[], cwd = app): Promise<string> {
  const output = await run(file, args, cwd);
  expect(output).toMatchObject({ code: 0 });
  return output.stdout;
}

function write(name: string, text: string): string {
  const path = join(app, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tangshi-package-'));
  app = join(folder, 'app');
  mkdirSync(app);
  await succeed('npm', ['pack', '--pack-destination', folder], ROOT);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) as string);
  await succeed('npm', ['init', '-y']);
  await succeed('npm', ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund']);
}, INSTALL);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const QUATRAIN = /^(\p{Script=Han}{7}[，。]\n){4}$/u;
/** Source of a function that needs `Model` in scope. */
const WRITE = `async () => {
  const model = await Model.load();
  const poem = await model.generate({ prompt: '湖', form: '七绝', seed: 1 });
  await model.dispose();
  return poem.lines.join('\\n');
}`;

test('contains what it needs and no more: no tests, no corpus, at most 20 MB', async () => {
  const installed = join(app, 'node_modules/tangshi');
  expect(readdirSync(installed).sort()).toEqual([
    'CHANGELOG.md',
    'CMakeLists.txt',
    'CONTRIBUTING.md',
    'LICENSE',
    'README.md',
    'README.zh.md',
    'SECURITY.md',
    'binding.gyp',
    ...(prebuilt ? [] : ['build']),
    'dist',
    'docs',
    'examples',
    'lib',
    'models',
    'native',
    'package.json',
    ...(prebuilt ? ['prebuilds'] : []),
    'scripts',
  ]);
  expect(readdirSync(join(installed, 'native'))).not.toContain('test');
  if (!prebuilt) {
    const built = readdirSync(join(installed, 'build')).sort();
    expect(built).toEqual(['Release', 'setup.log', 'writer.stamp.json']); // without the compiler output
    expect(readdirSync(join(installed, 'build/Release'))).toEqual(['writer.node']); // no libtorch so far
  }
  const compiled = existsSync(join(ROOT, 'prebuilds/wasm')) ? ['writer.wasm'] : [];
  const forBrowsers = ['LICENSES.txt', 'tangshi.d.mts', 'tangshi.mjs', 'worker.mjs', ...compiled];
  expect(readdirSync(join(installed, 'dist/browser'))).toEqual(expect.arrayContaining(forBrowsers));
  expect(readdirSync(join(app, 'node_modules'))).not.toContain('chinese-poetry');
  expect(statSync(tarball).size).toBeLessThan(20e6);
});

test('an ES module', async () => {
  write(
    'poem.mjs',
    `import { Model } from 'tangshi';
console.log(await (${WRITE})());`,
  );
  expect(await succeed('node', ['poem.mjs'])).toMatch(QUATRAIN);
});

test('CommonJS', async () => {
  write('poem.cjs', `const { Model } = require('tangshi');\n(${WRITE})().then(console.log);`);
  expect(await succeed('node', ['poem.cjs'])).toMatch(QUATRAIN);
});

test('strict TypeScript with NodeNext, ES modules and CommonJS, with skipLibCheck off', async () => {
  const body = `
export async function write(form: PoemOptions['form']): Promise<readonly string[]> {
  await using model: Model = await Model.load();
  const { lines, complete } = await model.generate({ prompt: '湖', form, seed: 1 });
  if (!complete) throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'incomplete');
  return lines;
}
export async function learn(signal: AbortSignal): Promise<number> {
  let loss = Number.NaN;
  for await (const event of train({ config: { data: 'mine.txt', cell: 'gru' }, out: 'runs/gru', signal })) {
    if (event.type === 'step') loss = event.loss;
  }
  return loss;
}
// @ts-expect-error there is no such cell
export const wrong = () => train({ config: { cell: 'transformer' }, out: 'runs/wrong' });
write('七绝').then((lines) => console.log(lines.join('\\n')));
`;
  const names = '{ Model, type PoemOptions, TangshiError, train }';
  write('typed/a.mts', `import ${names} from 'tangshi';${body}`);
  write('typed/b.cts', `import ${names} from 'tangshi';${body}`);
  const options = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
  };
  const strict = { strict: true, exactOptionalPropertyTypes: false, skipLibCheck: false, outDir: 'out' };
  write('typed/tsconfig.json', JSON.stringify({ compilerOptions: { ...options, ...strict } }));
  mkdirSync(join(app, 'node_modules/@types'), { recursive: true });
  for (const types of ['@types/node', 'undici-types']) {
    symlinkSync(join(ROOT, 'node_modules', types), join(app, 'node_modules', types));
  }
  await succeed('node', [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'typed']);
  for (const file of ['a.mjs', 'b.cjs'])
    expect(await succeed('node', [join('typed/out', file)])).toMatch(QUATRAIN);
}, 60_000);

test('several worker threads at once, one of them terminated while it generates', async () => {
  write(
    'worker.mjs',
    `
    import { isMainThread, parentPort, Worker } from 'node:worker_threads';
    import { Model } from 'tangshi';
    const write = ${WRITE};
    if (isMainThread) {
      const worker = () => new Worker(new URL(import.meta.url));
      const answer = (w) => new Promise((done, fail) => w.once('message', done).once('error', fail));
      const doomed = worker();
      doomed.once('online', () => setTimeout(() => doomed.terminate(), 150));
      const poems = await Promise.all([answer(worker()), answer(worker()), write()]);
      console.log(new Set(poems).size, poems[0]);
    } else parentPort.postMessage(await write());
  `,
  );
  expect(await succeed('node', ['worker.mjs'])).toMatch(/^1 \p{Script=Han}{7}，/u);
});

test('two copies in one process', async () => {
  cpSync(join(app, 'node_modules/tangshi'), join(app, 'other/node_modules/tangshi'), { recursive: true });
  write(
    'two.cjs',
    `
    const { createRequire } = require('node:module');
    const copies = [require('tangshi'), createRequire(__dirname + '/other/')('tangshi')];
    const write = ({ Model }) => (${WRITE})();
    Promise.all(copies.map(write)).then(([a, b]) => console.log(copies[0] !== copies[1], a === b, a));
  `,
  );
  expect(await succeed('node', ['two.cjs'])).toMatch(/^true true \p{Script=Han}{7}，/u);
});

test('a deleted working directory causes an error, not a crash', async () => {
  write(
    'gone.cjs',
    `const { mkdtempSync, rmdirSync } = require('node:fs');
    const { Model } = require('tangshi');
    process.chdir(mkdtempSync('${folder}/gone-'));
    rmdirSync(process.cwd());
    Model.load().catch(({ code, message }) => console.log(code, message));`,
  );
  expect(await succeed('node', ['gone.cjs'])).toMatch(
    /^ERR_TANGSHI_ADDON The working directory no longer exists/,
  );
});

test('a process without addons says so', async () => {
  write(
    'without.cjs',
    `require('tangshi').Model.load().catch(({ code, message }) => console.log(code, message));`,
  );
  expect(await succeed('node', ['--no-addons', 'without.cjs'])).toMatch(
    /^ERR_TANGSHI_ADDON This process may not load native addons: start Node without/,
  );
});

describe('npx tangshi', () => {
  const tangshi = (...args: string[]) => run('npx', ['--no-install', 'tangshi', ...args]);

  test('gen, check', async () => {
    const { stdout, code } = await tangshi('gen', '湖', '--form', '七绝', '--seed', '1');
    expect(code).toBe(0);
    expect(stdout).toMatch(QUATRAIN);
    write('poem.txt', stdout);
    expect(await tangshi('check', 'poem.txt')).toMatchObject({ code: 0 });
  });

  test(
    'train installs libtorch and the corpora first; own texts need no corpus',
    async () => {
      const first = [
        '--data',
        'tangshi',
        '--hidden',
        '8',
        '--embed',
        '8',
        '--max-steps',
        '1',
        '--out',
        'first',
      ];
      const { stderr, code } = await tangshi('train', ...first);
      expect(stderr).toMatch(/^Training and GPUs need libtorch/m);
      expect(stderr).toMatch(/^Step limit reached after step 1/m);
      expect(code).toBe(0);
      write('mine.txt', Array.from({ length: 40 }, (_, i) => `the ${i} quick brown foxes jump`).join('\n'));
      const small = ['--hidden', '8', '--embed', '8', '--epochs', '1', '--out', 'mine'];
      const trained = await tangshi('train', '--data', 'mine.txt', '--cleaning', 'plain', ...small);
      expect(trained.stderr).toMatch(
        /Finished after step 1 .*To generate poems: npx tangshi gen --model mine/,
      );
      expect(await tangshi('gen', 'the', '--model', 'mine')).toMatchObject({ code: 0 });
      expect((await tangshi('export', 'small.safetensors', '--model', 'mine')).stderr).toMatch(
        /^small\.safetensors: /,
      );
      expect((await tangshi('gen', 'the', '--model', 'small.safetensors', '--seed', '1')).stdout).toMatch(
        /^the/,
      );
    },
    SETUP,
  );

  test('doctor finds no problems', async () => {
    expect(await tangshi('doctor')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/took a training step/),
    });
  });

  test('export overwrites nothing, and exports only models', async () => {
    expect((await tangshi('export', 'package.json')).stderr).toMatch(/ends in \.safetensors: package\.json/);
    write('there.safetensors', 'precious');
    expect((await tangshi('export', 'there.safetensors')).stderr).toMatch(/already exists/);
  });

  test('lists its commands', async () => {
    expect((await tangshi('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await tangshi('setup', '--help')).stdout).toMatch(/--cuda/);
    expect(await tangshi()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ {2}gen /m) });
    expect(await tangshi('nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: unknown command 'nothing'/),
    });
    const { stdout } = await tangshi('gen', '--help');
    expect(stdout).toMatch(/^Usage: npx tangshi gen 湖 \[options\]/);
  });
});

test('publint and arethetypeswrong find no problems', async () => {
  const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);
  expect(await succeed(bin('publint'), ['run', tarball, '--strict'])).toMatch(/All good/);
  const attw = (...options: string[]) => succeed(bin('attw'), [tarball, '--no-emoji', ...options]);
  const model = 'models/tangshi.safetensors'; // for the URLs of bundlers
  await attw('--exclude-entrypoints', 'browser', model);
  await attw('--entrypoints', 'browser', '--profile', 'esm-only');
}, 60_000);
