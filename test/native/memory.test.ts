import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ADDON = join(__dirname, '../../build/Release/tangshi.node');

const PROGRAM = `
  const addon = require(process.argv[1]);
  const model = { cell: 'lstm', vocabSize: 20, embedDim: 4, hiddenDim: 4, layers: 1, dropout: 0, tieWeights: false, reluLogits: false, xavierOutput: false };
  const optimizer = { kind: 'rmsprop', alpha: 0.99, eps: 1e-8, weightDecay: 0 };
  const training = { model, optimizer, device: 'cpu', seed: 1n, threads: 1 };
  const batch = { inputs: Int32Array.of(1, 2), targets: Int32Array.of(2, 3), rows: 1, time: 2 };
  const sampling = { maxNewTokens: 3, endId: 0, banned: Int32Array.of(0), temperature: 1, topK: 0, topP: 1 };
  const outcome = async (allocation, call) => {
    process.env.ALLOCATION = String(allocation);
    try { await call(); return 'done'; }
    catch (error) { return error.code; }
    finally { process.env.ALLOCATION = ''; }
  };
  // A call at every allocation at which memory can run out, until it takes no more.
  const sweep = async (call) => {
    const outcomes = [];
    while (outcomes.length < 10 || outcomes.slice(-10).some((one) => one !== 'done')) {
      outcomes.push(await outcome(outcomes.length, call));
    }
    return { call: call.name, refused: outcomes.filter((one) => one !== 'done').length, codes: [...new Set(outcomes)] };
  };
  (async () => {
    const session = await addon.TrainingSession.open(training);
    const all = await session.snapshot();
    const weights = Object.fromEntries(Object.entries(all).filter(([name]) => !/^(optim|rng)/.test(name)));
    const inference = await addon.InferenceSession.open({ model, device: 'cpu', threads: 2 }, weights);
    const openTraining = () => addon.TrainingSession.open(training);
    const openInference = () => addon.InferenceSession.open({ model, device: 'cpu', threads: 2 }, weights);
    const train = () => session.train([batch], { lr: 0.01, clipNorm: 1 }).done;
    const evaluate = () => session.evaluate([batch]).done;
    const snapshot = () => session.snapshot();
    const restore = () => session.restore(all);
    const sample = () => session.generate([Int32Array.of(1)], sampling).done;
    const generate = () => inference.generate([Int32Array.of(1)], sampling, () => {}).done;
    const score = () => inference.score([Int32Array.of(1, 2)]).done;
    const next = () => inference.next(Int32Array.of(1)).done;
    const dispose = async () => {
      const { ALLOCATION } = process.env;
      process.env.ALLOCATION = '';
      const opened = await openInference();
      opened.next(Int32Array.of(1)).done.catch(() => {});
      process.env.ALLOCATION = ALLOCATION;
      await opened.dispose();
    };
    const results = [];
    for (const call of [openTraining, openInference, train, evaluate, snapshot, restore, sample, generate, score, next, dispose]) {
      results.push(await sweep(call));
    }
    console.log(JSON.stringify(results));
  })();`;

// Linux only: replaces operator new through LD_PRELOAD.
(process.platform === 'linux' ? test : test.skip)(
  'a failed allocation, whichever it is, rejects the call and affects nothing else',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'tangshi-memory-'));
    try {
      const library = join(folder, 'failing.so');
      const source = join(__dirname, 'failing-allocation.cc');
      const options = ['-std=c++17', '-O1', '-fno-inline', '-shared', '-fPIC'];
      execFileSync('c++', [...options, '-o', library, source, '-ldl']);
      const env = { ...process.env, LD_PRELOAD: library, ALLOCATION: '' };
      const out = execFileSync(process.execPath, ['-e', PROGRAM, ADDON], { env, encoding: 'utf8' });
      for (const { call, refused, codes } of JSON.parse(out)) {
        expect([call, codes.sort()]).toEqual([call, ['ERR_TANGSHI_OUT_OF_MEMORY', 'done']]);
        // The job in progress while dispose is called takes memory too, a varying part of the few allocations.
        expect([call, refused > (call === 'dispose' ? 0 : 2)]).toEqual([call, true]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
