import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Lets only the first THREADS threads start, like a limit on processes. THREADS may change while the process
 * runs.
 */
const LIMIT = `
#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attr, void* (*start)(void*), void* arg) {
  static const auto real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  static int created = 0;
  const char* limit = getenv("THREADS");
  if (limit == nullptr || *limit == 0) created = 0;
  else if (created++ >= atoi(limit)) return EAGAIN;
  return real(thread, attr, start, arg);
}`;
const PROGRAM = `
  const addon = require(process.argv[1]);
  const model = { cell: 'lstm', vocabSize: 50, embedDim: 8, hiddenDim: 16, layers: 1, dropout: 0, tieWeights: false, reluLogits: false, xavierOutput: false };
  const optimizer = { kind: 'rmsprop', alpha: 0.99, eps: 1e-8, weightDecay: 0 };
  const training = { model, optimizer, device: 'cpu', seed: 1n, threads: 8 };
  const limited = async (threads, open) => {
    process.env.THREADS = threads;
    try { return (await open()) && 'opened'; }
    catch (error) { return error.code; }
    finally { process.env.THREADS = ''; }
  };
  (async () => {
    const session = await addon.TrainingSession.open(training);
    const all = Object.entries(await session.snapshot());
    const weights = Object.fromEntries(all.filter(([name]) => !/^(optim|rng)/.test(name)));
    const outcomes = [];
    for (const threads of ['0', '1', '4']) {
      outcomes.push(await limited(threads, () => addon.InferenceSession.open({ model, device: 'cpu', threads: 8 }, weights)));
      outcomes.push(await limited(threads, () => addon.TrainingSession.open(training)));
    }
    const after = await addon.InferenceSession.open({ model, device: 'cpu', threads: 8 }, weights);
    outcomes.push((await after.next(Int32Array.of(1)).done).length);
    console.log(JSON.stringify(outcomes));
  })();`;

// Linux only: replaces pthread_create through LD_PRELOAD.
(process.platform === 'linux' ? test : test.skip)(
  'a thread that cannot be started, the first or a later one, rejects the call and affects nothing else',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'tangshi-threads-'));
    try {
      writeFileSync(join(folder, 'limit.cc'), LIMIT);
      const library = join(folder, 'limit.so');
      execFileSync('c++', ['-shared', '-fPIC', '-o', library, join(folder, 'limit.cc'), '-ldl']);
      const addon = join(__dirname, '../../build/Release/tangshi.node');
      const env = { ...process.env, LD_PRELOAD: library, THREADS: '' };
      const out = execFileSync(process.execPath, ['-e', PROGRAM, addon], { env, encoding: 'utf8' });
      expect(JSON.parse(out)).toEqual([...Array(6).fill('ERR_TANGSHI_OUT_OF_MEMORY'), 50]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
