import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ended, folder, isRunning, removeFolders, repository, until } from './clone';

afterAll(removeFolders);

/** A process that takes the lock and runs `body` while it holds it. */
function holder(file: string, body: string, env: NodeJS.ProcessEnv = {}) {
  const program = `
    if (process.env.PLATFORM) Object.defineProperty(process, 'platform', { value: process.env.PLATFORM });
    const fs = require('node:fs');
    const { acquire } = require(${JSON.stringify(path.join(repository, 'scripts/setup/lock.js'))});
    acquire(${JSON.stringify(file)}, 'counting').then(async (lock) => { ${body}; lock.release(); });`;
  return spawn(process.execPath, ['-e', program], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function killedHolder(file: string, body = ''): Promise<void> {
  const mark = `${file}.held`;
  const held = holder(
    file,
    `${body}; fs.writeFileSync('${mark}', ''); await new Promise((r) => setTimeout(r, 60_000))`,
  );
  await until(() => fs.existsSync(mark));
  held.kill('SIGKILL');
  await ended(held);
  fs.rmSync(mark);
}

test('is held by one process at a time, even if several find the lock of a dead process', async () => {
  const file = path.join(folder(), 'lock');
  const counter = `${file}.counter`;
  fs.writeFileSync(counter, '0');
  await killedHolder(file);
  expect(fs.existsSync(file)).toBe(true);
  const count = `const n = +fs.readFileSync('${counter}', 'utf8');
    await new Promise((r) => setTimeout(r, 20));
    fs.writeFileSync('${counter}', String(n + 1))`;
  await Promise.all(Array.from({ length: 8 }, () => ended(holder(file, count))));
  expect(fs.readFileSync(counter, 'utf8')).toBe('8');
  expect(fs.readdirSync(path.dirname(file))).toEqual(['lock.counter']);
});

test('is taken over if the PID of its dead owner has been reused', async () => {
  const file = path.join(folder(), 'lock');
  await killedHolder(file);
  const owner = JSON.parse(fs.readFileSync(file, 'utf8'));
  fs.writeFileSync(file, JSON.stringify({ ...owner, pid: process.pid })); // our PID with another start time
  expect((await ended(holder(file, "process.stdout.write('taken over')"))).stdout).toBe('taken over');
});

test('a command left running by a killed owner is ended before the next owner starts', async () => {
  const file = path.join(folder(), 'lock');
  const command = `const child = require('node:child_process').spawn('sleep', ['60'], { detached: true });
    lock.adopt(child.pid); fs.writeFileSync('${file}.pid', String(child.pid))`;
  await killedHolder(file, command);
  const pid = Number(fs.readFileSync(`${file}.pid`, 'utf8'));
  expect(isRunning(pid)).toBe(true);
  await ended(holder(file, ''));
  expect(isRunning(pid)).toBe(false);
});

test('on macOS, a running owner is recognized in every language and time zone', async () => {
  const bin = folder();
  // Formats the date as macOS does.
  fs.writeFileSync(path.join(bin, 'ps'), '#!/bin/sh\necho "$LC_ALL $TZ"\n', { mode: 0o755 });
  const user = (LC_ALL: string, TZ: string) => ({
    ...{ LC_ALL, TZ, PLATFORM: 'darwin' },
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
  });
  const file = path.join(folder(), 'lock');
  const untilMarked = `await new Promise((end) => {
    setInterval(() => fs.existsSync('${file}.end') && end(), 10).unref();
    setTimeout(end, 10_000);
  }); process.exit()`;
  const first = holder(file, untilMarked, user('zh_CN.UTF-8', 'Asia/Shanghai'));
  await until(() => fs.existsSync(file));
  const second = holder(file, '', user('de_DE.UTF-8', 'Europe/Berlin'));
  const said = await new Promise((resolve) => second.stderr.once('data', (data) => resolve(String(data))));
  expect(said).toContain(`waiting for process ${first.pid}`);
  fs.writeFileSync(`${file}.end`, '');
  await Promise.all([ended(first), ended(second)]);
});

test.each(['', '{"id":"abc"', 'null'])('a lock file with the content %j has no owner', async (content) => {
  const file = path.join(folder(), 'lock');
  fs.writeFileSync(file, content);
  fs.writeFileSync(`${file}.child`, content);
  expect((await ended(holder(file, "process.stdout.write('taken over')"))).stdout).toBe('taken over');
});
