import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '..', '..');

/** Runs a program with the addon as `addon`, a session's `config` and a `batch`. @returns Its stdout. */
async function node(program: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const prelude = `
    const addon = require(${JSON.stringify(join(ROOT, 'build', 'Release', 'tangshi.node'))});
    const model = { cell: 'gru', vocabSize: 50, embedDim: 8, hiddenDim: 64, layers: 2, dropout: 0, tieWeights: false, reluLogits: false, xavierOutput: false };
    const optimizer = { kind: 'rmsprop', alpha: 0.99, eps: 1e-8, weightDecay: 0 };
    const config = { model, optimizer, device: 'cpu', seed: 1n, threads: 1 };
    const ids = new Int32Array(64 * 50).fill(1);
    const batch = { inputs: ids, targets: ids, rows: 64, time: 50 };
    const long = Array(1000).fill(batch);
    const step = { lr: 0.01, clipNorm: 1 };`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '-e', prelude + program], {
    timeout: 120_000, // only for a program that hangs
    env: { ...process.env, ...env },
  });
  return stdout.trim();
}

test('a process exits by itself when its work is done, even with open sessions', async () => {
  const program = `(async () => {
    const session = await addon.TrainingSession.open(config);
    await session.train([batch], step).done;
    console.log('done');
  })();`;
  expect(await node(program)).toBe('done');
});

test('a process stays alive while a call is in progress', async () => {
  const program = `addon.TrainingSession.open(config).then((session) => session.train([batch, batch], step).done)
    .then((stats) => console.log(stats.length));`;
  expect(await node(program)).toBe('2');
});

test('process.exit in the middle of a step is clean', async () => {
  const program = `(async () => {
    const session = await addon.TrainingSession.open(config);
    session.train(long, step);
    session.snapshot();
    setTimeout(() => { console.log('leaving'); process.exit(0); }, 100);
  })();`;
  expect(await node(program)).toBe('leaving');
});

test('workers have their own sessions and can be terminated in the middle of a step', async () => {
  const program = `
    const { Worker, isMainThread, parentPort } = require('node:worker_threads');
    const source = ${JSON.stringify('$PRELUDE')};
    (async () => {
      for (let round = 0; round < 5; round++) {
        const workers = Array.from({ length: 3 }, () => new Worker(source, { eval: true }));
        await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
        await Promise.all(workers.map((worker) => worker.terminate()));
      }
      const session = await addon.TrainingSession.open(config);
      console.log((await session.train([batch], step).done).length, 'alive');
    })();`;
  const worker = `
    const addon = require(${JSON.stringify(join(ROOT, 'build', 'Release', 'tangshi.node'))});
    const model = { cell: 'lstm', vocabSize: 50, embedDim: 8, hiddenDim: 64, layers: 2, dropout: 0, tieWeights: false, reluLogits: false, xavierOutput: false };
    const optimizer = { kind: 'rmsprop', alpha: 0.99, eps: 1e-8, weightDecay: 0 };
    const ids = new Int32Array(64 * 50).fill(1);
    const batch = { inputs: ids, targets: ids, rows: 64, time: 50 };
    addon.TrainingSession.open({ model, optimizer, device: 'cpu', seed: 1n, threads: 1 }).then((session) => {
      session.train(Array(1000).fill(batch), { lr: 0.01, clipNorm: 1 });
      session.snapshot();
      require('node:worker_threads').parentPort.postMessage('training');
    });`;
  expect(await node(program.replace(JSON.stringify('$PRELUDE'), () => JSON.stringify(worker)))).toBe(
    '1 alive',
  );
});

test('opening and disposing a thousand sessions leaks nothing', async () => {
  const program = `(async () => {
    const { readFileSync } = require('node:fs');
    const threads = () => Number(/Threads:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    const cycle = async (times) => {
      for (let i = 0; i < times; i++) {
        const session = await addon.TrainingSession.open(config);
        await session.train([{ inputs: ids.subarray(0, 4), targets: ids.subarray(0, 4), rows: 2, time: 2 }], step).done;
        await session.dispose();
      }
    };
    await cycle(200);
    const [before, rss] = [threads(), process.memoryUsage.rss()];
    await cycle(800);
    console.log(threads() - before, Math.round((process.memoryUsage.rss() - rss) / 2 ** 20));
  })();`;
  const [threads, megabytes] = (await node(program)).split(' ').map(Number);
  expect(threads).toBe(0);
  expect(megabytes).toBeLessThan(60); // leaking the models would take 100, leaking thread stacks more
});

test('unreachable sessions are garbage-collected, those in use are not', async () => {
  const program = `(async () => {
    const threads = () => require('node:fs').readdirSync('/proc/self/task').length;
    const before = threads();
    const open = async () => { for (let i = 0; i < 50; i++) await addon.TrainingSession.open(config); };
    await open();
    const most = threads() - before;
    const kept = addon.TrainingSession.open(config).then((session) => session.train([batch], step).done);
    for (let i = 0; i < 20; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
    console.log(most >= 40, threads() - before < 5, (await kept).length);
  })();`;
  expect(await node(program)).toBe('true true 1');
});

test('jobs of a garbage-collected session are settled, even several at once', async () => {
  const program = `(async () => {
    const begin = (session) => Array.from({ length: 4 }, () => session.train([batch, batch], step).done);
    const jobs = await addon.TrainingSession.open(config).then(begin);
    for (let i = 0; i < 5; i++) { gc(); await new Promise(setImmediate); }
    // All of them finish before the first is settled.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    console.log((await Promise.all(jobs)).length);
    for (let i = 0; i < 5; i++) { gc(); await new Promise(setImmediate); }
  })();`;
  // glibc overwrites freed memory, which exposes use after free.
  const env = { MALLOC_PERTURB_: '165', GLIBC_TUNABLES: 'glibc.malloc.tcache_count=0' };
  expect(await node(program, env)).toBe('4');
});

/** A session that generates, and a call that would not end. */
const GENERATING = `
  const weights = async () => {
    const session = await addon.TrainingSession.open(config);
    const all = Object.entries(await session.snapshot());
    await session.dispose();
    return Object.fromEntries(all.filter(([name]) => !/^(optim|rng)/.test(name)));
  };
  const generate = (session, onToken) => session.generate([Int32Array.of(1)], {
    maxNewTokens: 2 ** 30, endId: 0, banned: Int32Array.of(0), temperature: 1, topK: 0, topP: 1 }, onToken);`;

test('process.exit while tokens are being streamed is clean', async () => {
  const program = `${GENERATING} (async () => {
    const session = await addon.InferenceSession.open({ model, device: 'cpu', threads: 2 }, await weights());
    let count = 0;
    generate(session, () => { if (++count === 100) { console.log('leaving'); process.exit(0); } });
  })();`;
  expect(await node(program)).toBe('leaving');
});

test('a worker that is generating can be terminated at once', async () => {
  const worker = `
    const addon = require(${JSON.stringify(join(ROOT, 'build', 'Release', 'tangshi.node'))});
    const model = { cell: 'lstm', vocabSize: 50, embedDim: 8, hiddenDim: 64, layers: 2, dropout: 0, tieWeights: false, reluLogits: false, xavierOutput: false };
    const config = { model, optimizer: { kind: 'rmsprop', alpha: 0.99, eps: 1e-8, weightDecay: 0 }, device: 'cpu', seed: 1n, threads: 1 };
    ${GENERATING}
    (async () => {
      const session = await addon.InferenceSession.open({ model, device: 'cpu', threads: 2 }, await weights());
      let told = false;
      generate(session, () => { if (!told) { told = true; require('node:worker_threads').parentPort.postMessage('generating'); } });
    })();`;
  const program = `
    const { Worker } = require('node:worker_threads');
    (async () => {
      for (let round = 0; round < 5; round++) {
        const worker = new Worker(${JSON.stringify('$WORKER')}, { eval: true });
        await new Promise((resolve) => worker.once('message', resolve));
        await worker.terminate();
      }
      console.log('alive');
    })();`;
  expect(await node(program.replace(JSON.stringify('$WORKER'), () => JSON.stringify(worker)))).toBe('alive');
});

test('a lock is held until it is released, even if its object is garbage-collected', async () => {
  const program = `(async () => {
    const path = require('node:path').join(require('node:os').tmpdir(), 'tangshi-lock-' + process.pid);
    (() => { addon.FileLock.take(path, 'held'); })();
    for (let i = 0; i < 10; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
    const second = addon.FileLock.take(path, 'second');
    const other = addon.FileLock.take(path + '2', 'held');
    other.release(); other.release();
    const again = addon.FileLock.take(path + '2', 'again');
    again.release();
    require('node:fs').rmSync(path); require('node:fs').rmSync(path + '2');
    console.log(second, again !== null);
  })();`;
  expect(await node(program)).toBe('null true');
});
