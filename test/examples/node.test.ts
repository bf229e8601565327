import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readCheckpoint } from '../../lib';
import { EXAMPLES, finish, freshDist, Project, run } from './example';

let project: Project;
beforeAll(async () => {
  freshDist();
  project = await Project.make();
}, 120_000);
afterAll(() => project.remove());

const QUATRAIN = /^湖\p{Script=Han}{6}，\n\p{Script=Han}{7}。\n\p{Script=Han}{7}，\n\p{Script=Han}{7}。\n$/u;
const node = (example: string, args: readonly string[] = [], input?: string) =>
  run(process.execPath, [join(EXAMPLES, example), ...args], { cwd: project.folder, input });

describe('poem.mjs', () => {
  test('writes a quatrain that begins with 湖', async () => {
    expect(await node('poem.mjs')).toEqual({ code: 0, stdout: expect.stringMatching(QUATRAIN), stderr: '' });
  });

  test('runs in any project that has the package', async () => {
    await copyFile(join(EXAMPLES, 'poem.mjs'), join(project.folder, 'poem.mjs'));
    const { code, stdout } = await run(process.execPath, ['poem.mjs'], { cwd: project.folder });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(QUATRAIN) });
  });
});

describe('server.mjs', () => {
  /** The longest poem the library generates. */
  const LONG = { prompt: '湖', form: '40x20' };
  let server: ChildProcess;
  let address: string;
  const start = async (model?: string) => {
    const env = { ...process.env, PORT: '0', ...(model && { MODEL: model }) };
    server = spawn(process.execPath, [join(EXAMPLES, 'server.mjs')], { cwd: project.folder, env });
    const [line] = await once(server.stdout as NodeJS.ReadableStream, 'data');
    address = String(line).trim();
  };
  beforeEach(() => start());
  afterEach(() => server.kill('SIGKILL'));

  const url = (parameters: Record<string, string>) => `${address}/?${new URLSearchParams(parameters)}`;
  const ask = async (parameters: Record<string, string>) => {
    const response = await fetch(url(parameters));
    return { status: response.status, text: await response.text() };
  };
  /** Resolves as soon as the response, and with it the beginning of the poem, arrives. */
  const begun = async (parameters: Record<string, string>): Promise<IncomingMessage> => {
    const [response] = await once(get(url(parameters), { agent: false }), 'response');
    return response;
  };

  test('sends each character in its own chunk', async () => {
    const response = await begun({ prompt: '湖', form: '七绝' });
    expect(response.headers['content-type']).toBe('text/plain; charset=utf-8');
    const chunks: string[] = [];
    response.on('data', (chunk) => chunks.push(String(chunk)));
    await once(response, 'end');
    expect(chunks.join('')).toMatch(/^湖(\p{Script=Han}{6,7}[，。]){4}\n$/u);
    expect(chunks).toEqual([...chunks.join('')]);
  });

  test('streams characters as they are drawn', async () => {
    const response = await begun(LONG);
    let seen = 0;
    response.on('data', () => seen++);
    const soFar = await new Promise<number>((resolve) => setImmediate(() => resolve(seen)));
    await once(response, 'end');
    expect(soFar).toBeLessThan(seen);
    expect(seen).toBe(40 * 21 + 1);
  });

  test('reports invalid requests', async () => {
    expect(await ask({ prompt: '床前鱻' })).toEqual({
      status: 400,
      text: expect.stringMatching(/^"鱻" \(character 3\) is not in the model's vocabulary: .*\n$/),
    });
    expect(await ask({ form: '八绝' })).toEqual({
      status: 400,
      text: expect.stringContaining('Unknown form "八绝"'),
    });
    expect((await fetch(`${address}/favicon.ico`)).status).toBe(404);
    expect((await fetch(address, { method: 'POST' })).status).toBe(404);
    expect((await fetch(`${address}//?prompt=%FF`)).status).toBe(404);
    expect(await ask({ prompt: '春' })).toMatchObject({ status: 200, text: expect.stringMatching(/^春/) });
  });

  test('serves concurrent requests with one model', async () => {
    const answers = await Promise.all(
      Array.from('湖春床白红千空君'.repeat(4), (prompt) => ask({ prompt, form: '4x5' })),
    );
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      expect(text).toMatch(/^(\p{Script=Han}{5}[，。]){4}\n$/u);
    }
  });

  test('stops generating when the client disconnects', async () => {
    const slow = await Project.make();
    try {
      const model = await slow.train({ config: { hiddenDim: 384 }, maxSteps: 1 });
      server.kill('SIGKILL');
      await start(model);
      const started = performance.now();
      await ask(LONG);
      const took = performance.now() - started;
      const responses = await Promise.all(Array.from({ length: 150 }, () => begun(LONG)));
      for (const response of responses) response.destroy();
      // Generating all of these poems would take 150 times as long.
      const left = performance.now();
      await ask({ form: '4x5' });
      expect(performance.now() - left).toBeLessThan(75 * took);
    } finally {
      await slow.remove();
    }
  });

  test('on SIGTERM, finishes its poem and exits', async () => {
    const response = await begun(LONG);
    const ended = finish(server);
    server.kill('SIGTERM');
    expect([...(await text(response))]).toHaveLength(40 * 21 + 1);
    expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' });
    await expect(fetch(address)).rejects.toThrow();
  });
});

describe('own-text.mjs', () => {
  test('learns from a file of English lines and writes more', async () => {
    const days = ['Monday', 'Tuesday', 'Friday', 'Sunday'];
    const skies = ['rain', 'snow', 'sun', 'fog', 'wind'];
    const lines = days.flatMap((day) =>
      skies.flatMap((sky) => [`On ${day}: ${sky}.`, `${sky} until ${day}!`]),
    );
    const english = await Project.make(lines);
    try {
      const { code, stdout, stderr } = await run(
        process.execPath,
        [join(EXAMPLES, 'own-text.mjs'), 'lines.txt', '12'],
        { cwd: english.folder },
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const [progress, ...texts] = stdout.trimEnd().split('\n\n') as [string, ...string[]];
      const losses = [...progress.matchAll(/^epoch \d+: loss (\d\.\d+), held-out nll \d/gm)].map(([, loss]) =>
        Number(loss),
      );
      expect(losses).toHaveLength(12);
      expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
      expect(texts).toHaveLength(3);
      expect([...texts.join('')].filter((char) => !lines.join('').includes(char))).toEqual([]);

      const [folder] = await readdir(join(english.folder, 'runs'));
      const { config, corpus } = await readCheckpoint(
        join(english.folder, 'runs', folder as string, 'best.safetensors'),
      );
      expect(config.cleaning).toBe('plain');
      expect(corpus.tally).toMatchObject({ read: 40, kept: 40 });
    } finally {
      await english.remove();
    }
  });

  test('prints its usage', async () => {
    expect(await node('own-text.mjs')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Usage: node examples/own-text.mjs FILE [EPOCHS]\n',
    });
  });
});

test('session.mjs generalizes to unseen words', async () => {
  const { code, stdout, stderr } = await node('session.mjs');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [, right, all] = /^right: (\d+) of (\d+) unseen words\n$/m.exec(stdout)?.map(Number) ?? [];
  expect(all).toBeGreaterThan(30);
  expect(right).toBeGreaterThan((all as number) * 0.8);
});

describe('bot.mjs', () => {
  const bot = async (...messages: string[]) => {
    const { code, stdout, stderr } = await node('bot.mjs', [], messages.join('\n'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.split('\n\n').slice(0, -1);
  };

  test('answers in the order of the messages', async () => {
    const answers = await bot(
      '!诗 湖',
      '!help',
      '!诗 七绝 湖',
      'not for the bot',
      '',
      '!藏头 春夜山',
      '!诗 40x20 湖',
      '!诗 4x5 君',
      '  ',
      '!诗',
    );
    const line = (begin: string, width: number) => `${begin}\\p{Script=Han}{${width - 1}}[，。]`;
    expect(answers).toEqual(
      [
        /^湖/,
        /^!诗 湖 .*\n.*\n!藏头 .*\n!help/,
        RegExp(`${QUATRAIN.source.slice(0, -3)}$`, 'u'),
        RegExp(`^${['春', '夜', '山'].map((char) => line(char, 5)).join('\n')}$`, 'u'),
        /^湖([^\n]{20,21}\n?){40}$/u,
        RegExp(`^${line('君', 5)}\n`, 'u'),
        /./,
      ].map((pattern) => expect.stringMatching(pattern)),
    );
  });

  test('reports errors and continues', async () => {
    const answers = await bot('!诗 鱻', '!诗 八绝 湖', '!藏头', '!constructor', '!诗 4x5 春');
    expect(answers).toEqual(
      [
        /^"鱻" \(character 1\) is not in/,
        /^Unknown form "八绝"/,
        /^Expected Han characters/,
        /^Unknown command !constructor: try !help$/,
        /^春/,
      ].map((pattern) => expect.stringMatching(pattern)),
    );
  });

  test('exits at the end of its input', async () => {
    expect(await bot()).toEqual([]);
  });
});
