import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCheckpoint, train } from '../../lib';
import { smallConfig } from '../../scripts/dev/torture/torture';
import { inFolder, POEMS } from './corpus';

const ROOT = join(__dirname, '..', '..');

function start(script: string, args: readonly string[], cwd = ROOT): ChildProcess {
  const command = [require.resolve('ts-node/dist/bin'), join(ROOT, 'scripts', 'cli', 'tangshi.ts'), script];
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  return spawn(process.execPath, [...command, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function finish(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  return { code, stdout, stderr };
}

const run = (script: string, args: readonly string[], cwd?: string) => finish(start(script, args, cwd));
const small = [
  '--min-count',
  '1',
  '--embed',
  '16',
  '--hidden',
  '48',
  '--batch',
  '4',
  '--lr',
  '0.02',
  '--threads',
  '1',
];

test('train, gen, eval', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const trained = await run('train', ['--data', data, '--out', out, ...small, '--epochs', '60', '--json']);
    expect(trained.stderr).toBe('');
    expect(trained.code).toBe(0);
    const all = trained.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(new Set(all.map(({ type }) => type))).toEqual(
      new Set(['plan', 'step', 'epoch', 'sample', 'checkpoint', 'done']),
    );
    const step = all.find(({ type }) => type === 'step');
    expect(step).toMatchObject({ step: 1, epoch: 1 });
    for (const key of ['loss', 'gradNorm', 'tokens', 'tokensPerSecond']) expect(step[key]).toBeGreaterThan(0);
    for (const file of ['config.json', 'metrics.jsonl', 'last.safetensors', 'best.safetensors']) {
      expect(existsSync(join(out, file))).toBe(true);
    }

    const greedy = await run('gen', ['春', '--model', out, '--greedy']);
    expect(greedy).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^model .*best\.safetensors\n$/),
    });
    expect(greedy.stdout).toMatch(/^春/);
    const two = await run('gen', ['春眠', '--model', out, '--count', '2', '--seed', '7', '--json']);
    const poems = two.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(poems).toHaveLength(2);
    expect(poems[0]).toMatchObject({
      text: expect.stringMatching(/^春眠/),
      seed: 7,
      complete: expect.any(Boolean),
      logProb: expect.any(Number),
    });

    const args = ['--model', out, '--form', '4x5', '--annotate', '--json', '--threads', '1'];
    const annotated = await run('gen', ['春', ...args]);
    expect(JSON.parse(annotated.stdout)).toMatchObject({
      check: { lines: expect.any(Array), faults: expect.any(Array) },
    });

    const printed = await run('gen', ['春', '--model', out, '--preset', 'classic', '--json']);
    expect(JSON.parse(printed.stdout)).toEqual({ text: expect.any(String), lines: expect.any(Array) });

    const evaluated = await run('eval', ['--model', join(out, 'last.safetensors'), '--data', data, '--json']);
    const result = JSON.parse(evaluated.stdout);
    expect(result).toMatchObject({ split: 'all', poems: 8, skipped: 0 });
    expect(result.tokens).toBe(POEMS.join('').length + POEMS.length);
    expect(result.perplexity).toBeCloseTo(Math.exp(result.nll), 10);
    expect(result.nll).toBeLessThan(3);
  }));

test('without --out, --resume and --model, train creates a run under runs/ and the other commands use the newest', () =>
  inFolder(async (folder, data) => {
    const trained = await run('train', ['--data', data, ...small, '--max-steps', '1', '--json'], folder);
    const { run: out } = JSON.parse(trained.stdout.split('\n')[0] as string);
    expect(out).toMatch(/^runs\/\d{8}-\d{6}-poems-txt-default-[0-9a-f]{6}$/);
    const resumed = await run('train', ['--resume', '--max-steps', '2', '--json'], folder);
    expect(JSON.parse(resumed.stdout.split('\n')[0] as string)).toMatchObject({ run: out, done: 1 });
    const evaluated = await run('eval', ['--poems', '0', '--json', '--threads', '1'], folder);
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ model: join(out, 'best.safetensors') });
    const { stderr } = await run('gen', ['鱻'], folder);
    expect(stderr).toContain(`(the model is ${join(out, 'best.safetensors')}; choose another with --model)`);
    // A newer run that was stopped in its first epoch has no best checkpoint yet.
    const stopped = ['--data', data, ...small, '--held-out', '0', '--max-steps', '1', '--out', 'runs/newer'];
    await run('train', stopped, folder);
    expect((await run('gen', ['春'], folder)).stderr).toMatch(/model runs.newer.last\.safetensors/);
  }));

test('after Ctrl-C within an epoch, gen warns that the best checkpoint is older than the last', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const controller = new AbortController();
    for await (const event of train({ config: smallConfig(data, 2), out, signal: controller.signal }))
      if (event.type === 'step' && event.step === 4) controller.abort();
    const { stdout, stderr } = await run('gen', ['春', '--model', out]);
    expect(stdout).toMatch(/^春/);
    expect(stderr).toMatch(/best\.safetensors \(step 3\) is older than .*last\.safetensors \(step 4\)/);
    const last = ['春', '--model', join(out, 'last.safetensors')];
    expect((await run('gen', last)).stderr).toMatch(/^seed \d+, model .*last\.safetensors\n$/);
    expect((await run('gen', [...last, '--quiet'])).stderr).toBe('');
    const many = await run('gen', [...last, '--count', '3', '--seed', '7']);
    expect(many.stdout.match(/^\d\.$/gm)).toEqual(['1.', '2.', '3.']);
    expect(many.stderr).toMatch(/^seeds 7 to 9, /);
  }));

test('the output of --print-config can be used as a configuration; flags take precedence over it', () =>
  inFolder(async (folder, data) => {
    const printed = await run('train', [
      '--preset',
      'large',
      '--optimizer',
      'rmsprop',
      '--lr',
      '0.01',
      '--print-config',
    ]);
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(printed.stdout)).toMatchObject({
      preset: 'large',
      hiddenDim: 512,
      lr: 0.01,
      optimizer: { kind: 'rmsprop', alpha: 0.99 },
    });
    const file = join(folder, 'config.json');
    await writeFile(file, printed.stdout);
    const flags = [
      '--config',
      file,
      '--no-tie-weights',
      '--hidden',
      '24',
      '--alpha',
      '0.9',
      '--held-out',
      '0',
    ];
    const again = JSON.parse((await run('train', [...flags, '--print-config'])).stdout);
    expect(again).toEqual({
      ...JSON.parse(printed.stdout),
      hiddenDim: 24,
      tieWeights: false,
      heldOut: 0,
      optimizer: { ...JSON.parse(printed.stdout).optimizer, alpha: 0.9 },
    });
    const out = join(folder, 'run');
    const trained = await run('train', [
      ...flags,
      ...small,
      '--data',
      data,
      '--out',
      out,
      '--max-steps',
      '1',
    ]);
    expect(trained).toMatchObject({ code: 0, stdout: `${out}\n` });
    const { config } = await readCheckpoint(join(out, 'last.safetensors'));
    expect(config).toMatchObject({
      preset: 'large',
      hiddenDim: 48,
      optimizer: { kind: 'rmsprop', alpha: 0.9 },
    });
    await writeFile(file, '{"hidden": 5}');
    expect((await run('train', ['--config', file, '--print-config'])).stderr).toMatch(
      /^error: .*config\.json has an unknown key hidden/,
    );
  }));

test('eval measures texts and keeps characters outside the vocabulary', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    for await (const _ of train({ config: smallConfig(data, 1), out }));
    const rare = '白日依山尽，黄河入海流。欲穷千里目，更上一层鱻。';
    const file = join(folder, 'rare.txt');
    await writeFile(file, `登鹳雀楼:${rare}\n`);
    const args = ['--model', out, '--data', file, '--poems', '1', '--json'];
    const { unknown, forms, nll } = JSON.parse((await run('eval', args)).stdout);
    const more = JSON.parse((await run('eval', [...args, '--extra', data])).stdout);
    expect(more).toMatchObject({ nll, poems: 1 }); // more corpora are only for finding copies
    const { vocab } = await readCheckpoint(join(out, 'last.safetensors'));
    expect(unknown).toBeCloseTo([...rare].filter((char) => !vocab.has(char)).length / rare.length, 10);
    expect(unknown).toBeGreaterThan(0);
    // If <unk> replaced a character, line lengths would change.
    expect(forms.find(({ form }: { form: string }) => form === '五绝')).toMatchObject({
      real: { poems: 1, form: 1 },
    });
  }));

test('eval reports held-out poems that share no line with a training poem separately', () =>
  inFolder(async (folder, data) => {
    const evaluated = async (name: string) => {
      const out = join(folder, name);
      for await (const _ of train({ config: { ...smallConfig(data, 2), heldOut: 0.5 }, out }));
      return JSON.parse((await run('eval', ['--model', out, '--held-out', '--poems', '0', '--json'])).stdout);
    };
    const { poems, nll, tokens, unseen } = await evaluated('once');
    expect(poems).toBeGreaterThan(1);
    expect(unseen).toMatchObject({ poems, nll, tokens });
    // Each poem with several endings: some of these are held out and some are not.
    const ends = ['山', '山山', '山山山', '山山山山'];
    const variants = POEMS.flatMap((poem) => ends.map((end) => `诗:${poem}${end}。\n`));
    await writeFile(data, variants.join(''));
    const more = await evaluated('again and again');
    expect(more.unseen?.poems ?? 0).toBeLessThan(more.poems / 2);
  }));

test('in a pipe, prints the plan, a line every --log-every steps and a poem per epoch', () =>
  inFolder(async (folder, data) => {
    const args = [
      '--data',
      data,
      '--out',
      join(folder, 'run'),
      ...small,
      '--epochs',
      '2',
      '--log-every',
      '2',
    ];
    const { stdout, stderr } = await run('train', args);
    expect(stdout).toBe(`${join(folder, 'run')}\n`);
    for (const word of ['run', 'corpus', 'split', 'tokens', 'model', 'device', 'steps', 'time']) {
      expect(stderr).toMatch(new RegExp(`^${word} `, 'm'));
    }
    expect(stderr).toMatch(/epoch 1\/2 step 2\/4 {2}loss \d\.\d\d, mean \d\.\d\d {2}\d+ tokens\/s {2}ETA /);
    expect(stderr.match(/^epoch \d of 2: mean loss/gm)).toHaveLength(2);
    expect(stderr).not.toContain('\x1b');
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^Finished after step 4/);
    const silent = await run('train', ['--resume', '--out', join(folder, 'run'), '--epochs', '3', '--quiet']);
    expect(silent).toMatchObject({ code: 0, stderr: '' });
  }));

test('Ctrl-C saves and exits; --resume continues', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const child = start('train', ['--data', data, '--out', out, ...small, '--epochs', '100000', '--json']);
    const seeSteps = (chunk: Buffer) => {
      if (!chunk.includes('"step"')) return;
      child.stdout?.off('data', seeSteps);
      child.kill('SIGINT');
      setTimeout(() => child.kill('SIGINT'), 2); // npm forwards the signal a second time
    };
    child.stdout?.on('data', seeSteps);
    const { code, stdout } = await finish(child);
    expect(code).toBe(130);
    const done = JSON.parse(stdout.trimEnd().split('\n').at(-1) as string);
    expect(done).toMatchObject({ type: 'done', reason: 'interrupted' });
    const resumed = await run('train', [
      '--resume',
      '--out',
      out,
      '--max-steps',
      `${done.step + 2}`,
      '--json',
    ]);
    expect(resumed.code).toBe(0);
    expect(JSON.parse(resumed.stdout.split('\n')[0] as string)).toMatchObject({
      type: 'plan',
      done: done.step,
    });
  }));

test('a second Ctrl-C exits at once, even in the middle of a step', () =>
  inFolder(async (folder, data) => {
    // A single batch large enough that a step takes seconds.
    const chars = [...new Set(POEMS.join('').replace(/[，。]/g, ''))];
    const line = (n: number) =>
      Array.from({ length: 5 }, (_, i) => chars[(n * 7 + i * i * (1 + (n % 13))) % chars.length]).join('');
    const poems = Array.from(
      { length: 1500 },
      (_, n) => `题:${line(n)}，${line(n + 1)}。${line(n * 3)}，${line(n * 5)}。`,
    );
    await writeFile(data, poems.join('\n'));
    const sizes = ['--min-count', '1', '--hidden', '512', '--batch', '1500', '--threads', '1'];
    const child = start('train', ['--data', data, '--out', join(folder, 'run'), ...sizes, '--json']);
    await once(child.stdout as NodeJS.ReadableStream, 'data'); // the plan: the first step begins
    await sleep(300);
    child.kill('SIGINT');
    await sleep(700);
    expect(child.exitCode).toBeNull();
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exit).toEqual([null, 'SIGKILL']); // an exit at the end of the step would have code 130
  }));

test('closing the read end of stdout ends training with a checkpoint', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const child = start('train', ['--data', data, '--out', out, ...small, '--epochs', '100000', '--json']);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.stdout?.destroy();
    const [[code], stderr] = await Promise.all([
      once(child, 'exit'),
      text(child.stderr as NodeJS.ReadableStream),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((await readCheckpoint(join(out, 'last.safetensors'))).progress.step).toBeGreaterThan(0);
  }));

test('closing the terminal ends training with a checkpoint', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const child = start('train', ['--data', data, '--out', out, ...small, '--epochs', '100000']);
    child.stderr?.once('data', () => {
      child.stderr?.destroy();
      child.kill('SIGHUP');
    });
    const [code] = await once(child, 'exit');
    expect(code).toBe(129);
    expect((await readCheckpoint(join(out, 'last.safetensors'))).progress.step).toBeGreaterThan(0);
  }));

test('SIGTERM to npm ends the training it runs, with a checkpoint', () =>
  inFolder(async (folder, data) => {
    const args = ['--data', data, '--out', join(folder, 'run'), ...small, '--epochs', '100000', '--json'];
    const npm = spawn('npm', ['run', '-s', 'train', '--', ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    npm.stdout.once('data', () => npm.kill('SIGTERM'));
    // stdout ends when the last process that holds it exits.
    const { stdout } = await finish(npm);
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) as string)).toMatchObject({
      type: 'done',
      reason: 'interrupted',
    });
  }));

test(
  'errors are one line on stderr, with exit code 2',
  () =>
    inFolder(async (folder, data) => {
      const refused = async (script: string, args: string[], message: RegExp) => {
        const { code, stdout, stderr } = await run(script, args, folder);
        expect(
          stderr
            .replace(/\n\(Did you mean .*/, '')
            .trimEnd()
            .split('\n'),
        ).toHaveLength(1);
        expect(stderr).toMatch(/^error: /);
        expect(stderr).toMatch(message);
        expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      };
      await refused('gen', ['湖', '--model', 'nowhere'], /no model at nowhere/);
      await refused('train', ['--data', 'nowhere.txt'], /nowhere\.txt/);
      await refused('train', ['--data', data, '--device', 'cuda:42'], /cuda:42/);
      await refused('train', ['--resume'], /no run/);
      await refused('train', ['--epochs', 'many'], /--epochs/);
      const out = join(folder, 'run');
      await run('train', ['--data', data, '--out', out, ...small, '--epochs', '1']);
      await refused('gen', ['床前鱻', '--model', out], /"鱻" \(character 3\)/);
      await refused(
        'train',
        ['--data', data, '--out', out],
        /already contains a run: set --resume to continue it, or choose another folder with --out$/m,
      );
      await refused(
        'train',
        ['--resume', '--out', out, '--hidden', '9'],
        /has --hidden 48, .*: omit --hidden, or start a new run$/m,
      );
      await refused('gen', ['--model', out, '--form', '六绝'], /Unknown form "六绝".* \(--form\)$/m);
      await refused('gen', ['--model', out, '--threads', '0'], /--threads/);
      await refused('gen', ['湖', '五绝'], /too many arguments/);
      await refused('check', [], /missing required argument 'file'/);
      await refused('gen', ['--from', '五绝'], /unknown option '--from'\n\(Did you mean --form\?\)/);
      await refused('generate', ['湖'], /unknown command 'generate'/);
      const chinese = await run('--lang', ['zh', 'gen', '湖', '--model', 'nowhere'], folder);
      expect(chinese).toEqual({ code: 2, stdout: '', stderr: '错误：找不到模型 nowhere（--model）\n' });
    }),
  60_000,
);
