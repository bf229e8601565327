import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import {
  Clone,
  ended,
  fakeLibtorch,
  fakeWheel,
  folder,
  isRunning,
  removeFolders,
  repository,
  until,
} from './clone';

afterAll(removeFolders);

const wheelName = 'torch-2.13.0+cpu-cp311-cp311-fake.whl';
const unpack: (archive: string, into: string) => Promise<void> =
  require('../../scripts/setup/wheel.js').unpack;

function beside(clone: Clone): string[] {
  return fs.readdirSync(path.join(clone.home, 'cache/tangshi'));
}

describe('downloading libtorch', () => {
  test('puts it into the cache once, without files that are not part of libtorch', async () => {
    const clone = new Clone();
    clone.pipBrings(fakeWheel(wheelName));
    const first = await clone.run(['--where']);
    expect(first.stdout).toBe(`${clone.cached}\n`);
    expect(first.stderr).toContain('downloading libtorch 2.13.0: pip download torch==2.13.0');
    expect(fs.readdirSync(clone.cached).sort()).toEqual(['include', 'lib', 'version.py']);
    expect(fs.existsSync(path.join(clone.cached, 'lib/libtorch_python.so'))).toBe(false);
    expect(beside(clone)).toEqual([path.basename(path.dirname(clone.cached))]);
    expect(await clone.run(['--where'])).toEqual({ code: 0, stdout: first.stdout, stderr: '' });
    expect(clone.downloads()).toBe(1);
  });

  test('--cuda downloads a libtorch with its libraries, which all clones then prefer', async () => {
    const clone = new Clone();
    fakeLibtorch(clone.cached, '2.13.0+cpu');
    const site = folder();
    fakeLibtorch(path.join(site, 'torch'), '2.14.1+cu130');
    fs.mkdirSync(path.join(site, 'nvidia'));
    const pip = `while [ "$1" != --target ]; do shift; done; cp -r '${site}' "$2"`;
    clone.python(`case "$*" in *install*torch==2.14.1) ${pip} ;; *) exit 1 ;; esac`);
    const { code, stdout, stderr } = await clone.run(['--where', '--cuda']);
    const cuda = clone.cached.replace('2.13.0-cpu', '2.14.1-cuda');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${cuda}\n` });
    expect(stderr).toContain('downloading libtorch 2.14.1: pip install torch==2.14.1');
    expect(fs.readdirSync(path.dirname(cuda)).sort()).toEqual(['nvidia', 'torch']);
    expect((await clone.run(['--where'])).stdout).toBe(`${cuda}\n`);
    expect(await clone.run(['--where', '--cuda'])).toEqual({ code: 0, stdout, stderr: '' });
  });

  test('--cuda uses the torch of python3 if it supports CUDA, as long as it exists', async () => {
    const clone = new Clone();
    fakeLibtorch(clone.cached, '2.13.0+cpu');
    const own = fakeLibtorch(path.join(folder(), 'torch'), '2.12.0+cu130');
    clone.python(`case "$2" in *find_spec*) echo '${own}' ;; *) exit 1 ;; esac`);
    expect((await clone.run(['--where', '--cuda'])).stdout).toBe(`${own}\n`);
    expect((await clone.run(['--where'])).stdout).toBe(`${own}\n`);
    fs.rmSync(own, { recursive: true });
    expect((await clone.run(['--where'])).stdout).toBe(`${clone.cached}\n`);
  });

  test('--cuda rejects a CPU build, from pip or from LIBTORCH', async () => {
    const clone = new Clone();
    const site = folder();
    const LIBTORCH = fakeLibtorch(path.join(site, 'torch'), '2.14.1+cpu');
    clone.python(`while [ "$1" != --target ]; do shift; done; cp -r '${site}' "$2"`);
    const fromPip = await clone.run(['--where', '--cuda']);
    expect(fromPip.code).toBe(2);
    expect(fromPip.stderr).toContain('it contains libtorch 2.14.1 (cpu)');
    const named = await clone.run(['--where', '--cuda'], { LIBTORCH });
    expect(named.code).toBe(2);
    expect(named.stderr).toContain(`LIBTORCH is set to ${LIBTORCH}, which is a CPU build`);
  });

  test('two concurrent setups download it once; the waiting one says once whom it waits for', async () => {
    const clone = new Clone();
    const [begun, go] = ['begun', 'go'].map((name) => path.join(clone.home, name)) as [string, string];
    clone.pipBrings(fakeWheel(wheelName), `touch '${begun}'; while [ ! -e '${go}' ]; do sleep 0.05; done`);
    const first = clone.run(['--where']);
    await until(() => fs.existsSync(begun));
    const second = clone.start(['--where']);
    second.stderr.once('data', () => fs.writeFileSync(go, '')); // once it has said that it is waiting
    const runs = await Promise.all([first, ended(second)]);
    expect(runs.map(({ stdout }) => stdout)).toEqual([`${clone.cached}\n`, `${clone.cached}\n`]);
    expect(clone.downloads()).toBe(1);
    expect(
      runs
        .map(({ stderr }) => stderr)
        .join('')
        .match(/waiting for process \d+/g),
    ).toHaveLength(1);
  });

  test('a setup killed during a download leaves nothing that is used later', async () => {
    const clone = new Clone();
    const wheel = fakeWheel(wheelName);
    clone.python(
      `case "$*" in *download*) head -c 200 '${wheel}' > ${wheelName}; echo $$ > '${clone.home}/pip'; exec sleep 60 ;; *) exit 1 ;; esac`,
    );
    const killed = clone.start(['--where']);
    await until(() => fs.existsSync(path.join(clone.home, 'pip')));
    killed.kill('SIGKILL');
    await ended(killed);
    expect(beside(clone).some((name) => name.includes('.part-'))).toBe(true);
    clone.pipBrings(wheel);
    expect((await clone.run(['--where'])).stdout).toBe(`${clone.cached}\n`);
    expect(beside(clone)).toEqual([path.basename(path.dirname(clone.cached))]);
    const pip = Number(fs.readFileSync(path.join(clone.home, 'pip'), 'utf8'));
    expect(isRunning(pip)).toBe(false);
  });

  test('an incomplete libtorch in the cache is replaced', async () => {
    const clone = new Clone();
    clone.pipBrings(fakeWheel(wheelName));
    fakeLibtorch(clone.cached, '2.13.0');
    fs.rmSync(path.join(clone.cached, 'include'), { recursive: true });
    expect((await clone.run(['--where'])).stdout).toBe(`${clone.cached}\n`);
    expect(fs.existsSync(path.join(clone.cached, 'include'))).toBe(true);
  });

  test('a cache that is not writable is named, with how to fix it', async () => {
    const clone = new Clone();
    const XDG_CACHE_HOME = path.join(clone.home, 'file');
    fs.writeFileSync(XDG_CACHE_HOME, '');
    const { code, stderr } = await clone.run(['--where'], { XDG_CACHE_HOME });
    expect(code).toBe(2);
    expect(stderr).toMatch(/cannot write libtorch to .*\n.*set XDG_CACHE_HOME .* or set LIBTORCH/);
  });
});

describe('sources of libtorch', () => {
  const ways: typeof import('../../scripts/setup/ways') = require(
    path.join(repository, 'scripts/setup/ways.js'),
  );
  const { KNOWN }: typeof import('../../scripts/setup/wheel') = require(
    path.join(repository, 'scripts/setup/wheel.js'),
  );
  const { platform, arch } = process;
  afterEach(() => {
    Object.defineProperties(process, { platform: { value: platform }, arch: { value: arch } });
  });

  test.each([
    ['linux', 'x64'],
    ['linux', 'arm64'],
    ['darwin', 'arm64'],
  ])('on %s %s, every download has a known checksum', (platform, arch) => {
    Object.defineProperties(process, { platform: { value: platform }, arch: { value: arch } });
    const names = ways.waysTo('cpu').map(({ name }) => name);
    expect(names.length).toBeGreaterThan(0);
    const zips = names.filter((name) => name.startsWith('download '));
    for (const zip of zips) expect(Object.keys(KNOWN)).toContain(path.basename(decodeURIComponent(zip)));
  });

  test.each([
    [
      'the system uses musl',
      'process.report.getReport = () => ({ header: {} })',
      /built for glibc.* musl[\s\S]*set LIBTORCH/,
    ],
    [
      'there is no libtorch for the CPU',
      "Object.defineProperty(process, 'arch', { value: 'ia32' })",
      /cannot be downloaded automatically on linux ia32[\s\S]*set LIBTORCH/,
    ],
  ])('if %s, the setup says so before it downloads anything', async (_, change, message) => {
    const clone = new Clone();
    const log = path.join(clone.home, 'npm');
    fs.writeFileSync(path.join(clone.bin, 'npm'), `#!/bin/sh\ntouch '${log}'\n`, { mode: 0o755 });
    fs.rmSync(path.join(clone.root, 'node_modules'));
    fs.writeFileSync(path.join(clone.root, 'package-lock.json'), '{}');
    const program = path.join(clone.home, 'change.js');
    fs.writeFileSync(program, `Object.defineProperty(process, 'platform', { value: 'linux' }); ${change};`);
    for (const args of [[], ['--where']]) {
      const { code, stderr } = await clone.run(args, { NODE_OPTIONS: `--require ${program}` });
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    }
    expect(fs.existsSync(log)).toBe(false);
  });
});

describe('checks of a wheel', () => {
  const refusal = (archive: string) => unpack(archive, folder()).catch((error: Error) => error.message);

  test('a flipped byte', async () => {
    const wheel = fakeWheel(wheelName, (dir) => {
      const file = path.join(dir, 'torch/include/torch/csrc/api/include/torch/torch.h');
      fs.writeFileSync(file, 'x');
    });
    expect(await refusal(wheel)).toMatch(/torch\.h is damaged/);
  });

  test('a missing file and an extra one', async () => {
    const libc10 = fs
      .readdirSync(path.join(fakeLibtorch(folder(), '2.13.0'), 'lib'))
      .find((name) => /c10/.test(name));
    const fewer = fakeWheel(wheelName, (dir) => fs.rmSync(path.join(dir, `torch/lib/${libc10}`)));
    expect(await refusal(fewer)).toContain('libc10');
    const more = fakeWheel(wheelName, (dir) => fs.writeFileSync(path.join(dir, 'torch/lib/evil.so'), ''));
    expect(await refusal(more)).toContain('torch/lib/evil.so is damaged');
  });

  test('a known name with different content', async () => {
    const wheel = fakeWheel('torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl');
    expect(await refusal(wheel)).toContain('has the wrong SHA-256');
  });

  test('a truncated archive', async () => {
    const wheel = fakeWheel(wheelName);
    fs.truncateSync(wheel, 300);
    expect(await refusal(wheel)).toContain('cannot be unpacked');
  });
});

describe('the official zip', () => {
  const { download } = require(path.join(repository, 'scripts/setup/ways.js'));

  test('an interrupted download, or one the server rejects, is an error', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/none') return response.writeHead(404).end();
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
      return response;
    }).listen(0, '127.0.0.1');
    await until(() => server.listening);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = path.join(folder(), 'zip');
    await expect(download(`${url}/none`, file)).rejects.toThrow('404');
    await expect(download(`${url}/half`, file)).rejects.toThrow();
    server.close();
  });
});
