/** What a run folder withstands: damaged files, a second training run, I/O errors. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, link, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCheckpoint, type TrainEvent, train } from '../../lib';
import { decodeSafetensors, encodeSafetensors } from '../../lib/model/safetensors';
import { lockRun } from '../../lib/train/run-lock';
import { smallConfig } from '../../scripts/dev/torture/torture';
import { events, inFolder } from './corpus';

const small = (data: string) => smallConfig(data, 6);

const losses = (all: readonly TrainEvent[]) =>
  all.flatMap((event) => (event.type === 'step' ? [event.loss] : []));

async function checkpoints(out: string): Promise<string[]> {
  return (await readdir(out)).filter((name) => name.endsWith('.safetensors')).sort();
}

async function spoil(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] as number) ^ 1;
  await rm(path); // the other hard link to the file is unchanged
  await writeFile(path, bytes);
}

test.each([
  [1, []],
  [2, ['step-16.safetensors']],
  [4, ['step-14.safetensors', 'step-15.safetensors', 'step-16.safetensors']], // 15: the end of an epoch
])('keeps the last %i checkpoints and the best', (keep, older) =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: small(data), out, saveEvery: 2, keep, maxSteps: 17 });
    expect(await checkpoints(out)).toEqual(['best.safetensors', 'last.safetensors', ...older]);
    const steps = await Promise.all(
      older.map(async (name) => (await readCheckpoint(join(out, name))).progress.step),
    );
    expect(steps).toEqual(older.map((name) => Number(/\d+/.exec(name))));
  }),
);

test('a resumed run keeps as many checkpoints as before, unless the option is given', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const kept = async () => (await checkpoints(out)).filter((name) => name.startsWith('step-')).length;
    await events({ config: small(data), out, saveEvery: 2, keep: 6, maxSteps: 13 });
    expect(await kept()).toBe(5);
    await events({ out, resume: true, saveEvery: 2, maxSteps: 17 });
    expect(await kept()).toBe(5);
    await events({ out, resume: true, saveEvery: 2, config: { keep: 3 } });
    expect(await kept()).toBe(2);
    expect((await readCheckpoint(join(out, 'last.safetensors'))).config.keep).toBe(3);
  }));

test('a damaged last checkpoint is replaced by the newest intact one, with a notice, and nothing is lost', () =>
  inFolder(async (folder, data) => {
    const [out, whole] = [join(folder, 'run'), join(folder, 'whole')];
    const unbroken = await events({ config: small(data), out: whole });
    const before = await events({ config: small(data), out, saveEvery: 2, keep: 4, maxSteps: 11 });
    await spoil(join(out, 'last.safetensors'));
    await spoil(join(out, 'step-10.safetensors'));
    await spoil(join(out, 'best.safetensors')); // also of the last step
    const after = await events({ out, resume: true, saveEvery: 2, keep: 3 });
    expect(after[0]).toMatchObject({
      done: 9,
      notices: [
        expect.stringMatching(/last\.safetensors is damaged: its checksum .*step-9\.safetensors, step 9/),
      ],
    });
    expect([...losses(before).slice(0, 9), ...losses(after)]).toEqual(losses(unbroken));
    for (const name of await checkpoints(out)) await readCheckpoint(join(out, name));
  }));

test.each(['damaged', 'gone'])('resumes from the best checkpoint if all others are %s', (what) =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: small(data), out, saveEvery: 2, maxSteps: 11 });
    const { step } = (await readCheckpoint(join(out, 'best.safetensors'))).progress;
    for (const name of await checkpoints(out)) {
      if (name === 'best.safetensors') continue;
      await (what === 'gone' ? rm(join(out, name)) : spoil(join(out, name)));
    }
    const [plan] = await events({ out, resume: true });
    expect(plan).toMatchObject({ done: step, notices: [expect.stringContaining('best.safetensors')] });
  }),
);

test('if no checkpoint is intact, the error names all and none is modified', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: small(data), out, saveEvery: 2, maxSteps: 5 });
    for (const name of await checkpoints(out)) await spoil(join(out, name));
    const before = await readFile(join(out, 'last.safetensors'));
    await expect(events({ out, resume: true })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_CHECKPOINT',
      message: expect.stringMatching(/last\.safetensors.*step-4\.safetensors.*best\.safetensors/),
    });
    expect(await readFile(join(out, 'last.safetensors'))).toEqual(before);
  }));

test('hard-linking a file to itself leaves no temporary file', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: small(data), out, saveEvery: 2, maxSteps: 5 });
    await rm(join(out, 'step-4.safetensors'));
    await link(join(out, 'last.safetensors'), join(out, 'step-5.safetensors'));
    await events({ out, resume: true, maxSteps: 7 });
    expect((await readdir(out)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  }));

test('a second training run in the same folder is rejected; the lock of a dead process is released', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    const first = train({ config: small(data), out });
    await first.next();
    const refusal = {
      code: 'ERR_TANGSHI_RUN',
      message: expect.stringContaining(`Process ${process.pid} is training in ${out}`),
    };
    await expect(events({ out, resume: true })).rejects.toMatchObject(refusal);
    await first.return();

    // Held by a process that is killed before it can clean up.
    const addon = JSON.stringify(join(__dirname, '../../build/Release/tangshi.node'));
    const program = `require(${addon}).FileLock.take(${JSON.stringify(join(out, 'lock'))}, String(process.pid));
      console.log('held'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    await expect(events({ out, resume: true })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_RUN',
      message: expect.stringContaining(`Process ${holder.pid} `),
    });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect((await events({ out, resume: true })).at(-1)).toMatchObject({ reason: 'finished' });
    lockRun(out)?.release();
  }));

test('a run that fails releases its folder', () =>
  inFolder(async (folder, data) => {
    const out = join(folder, 'run');
    await events({ config: small(data), out, maxSteps: 2 });
    const corpus = await readFile(data, 'utf8');
    await writeFile(data, '题:完全不同的一首诗，不是原来的。\n');
    await expect(events({ out, resume: true })).rejects.toMatchObject({ code: 'ERR_TANGSHI_RUN' });
    await writeFile(data, corpus);
    expect((await events({ out, resume: true })).at(-1)).toMatchObject({ reason: 'finished' });
  }));

test('with skipNonfinite, steps with a NaN loss are skipped and counted', () =>
  inFolder(async (folder, data) => {
    const [healthy, out] = [join(folder, 'healthy'), join(folder, 'run')];
    await events({ config: { ...small(data), heldOut: 0, epochs: 1 }, out: healthy });
    const { vocab } = await readCheckpoint(join(healthy, 'last.safetensors'));
    // One character's embedding is NaN: only steps with this character are skipped.
    const init = join(folder, 'init.safetensors');
    await copyFile(join(healthy, 'last.safetensors'), init);
    await poison(init, vocab.encode('霜')[0] as number);

    const options = { config: { ...small(data), heldOut: 0, epochs: 3 }, init };
    await expect(events({ ...options, out: join(folder, 'strict') })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_CHECKPOINT',
      message: expect.stringContaining('embedding.weight that is NaN'),
    });
    const all = await events({ ...options, out, skipNonfinite: true, maxSteps: 10 });
    const skipped = all.filter(({ type }) => type === 'skipped');
    expect(skipped.length).toBeGreaterThan(0);
    expect(skipped.length).toBeLessThan(10);
    expect(skipped.at(-1)).toMatchObject({ skipped: skipped.length, loss: Number.NaN });
    expect(losses(all)).toHaveLength(10 - skipped.length);
    const { progress } = await readCheckpoint(join(out, 'last.safetensors'));
    expect(progress).toMatchObject({ step: 10, skipped: skipped.length });
    const after = await events({ out, resume: true, skipNonfinite: true });
    expect(after.at(-1)).toMatchObject({ reason: 'finished', step: 12 });
  }));

test('a hundred skipped steps in a row end the run', () =>
  inFolder(async (folder, data) => {
    const config = { ...small(data), lr: 1e6, epochs: 100, heldOut: 0 };
    const error = await events({ config, out: join(folder, 'run'), skipNonfinite: true }).catch((e) => e);
    expect(error).toMatchObject({
      code: 'ERR_TANGSHI_NON_FINITE',
      message: expect.stringContaining('100 skipped steps'),
    });
  }));

/** Writes NaN into a row of the embedding. Dropping the metadata drops the checksum too, which leaves plain weights. */
async function poison(path: string, row: number): Promise<void> {
  const { tensors, metadata } = decodeSafetensors(await readFile(path), path);
  const weight = tensors['embedding.weight'] as (typeof tensors)[string];
  const data = Float32Array.from(new Float32Array(weight.data.slice().buffer));
  const width = weight.shape[1] as number;
  data.fill(Number.NaN, row * width, (row + 1) * width);
  const bad = { ...tensors, 'embedding.weight': { ...weight, data: new Uint8Array(data.buffer) } };
  const model = Object.fromEntries(Object.entries(bad).filter(([name]) => !/^(optim|rng)\./.test(name)));
  const { format: _, ...rest } = metadata;
  await writeFile(path, Buffer.concat(encodeSafetensors({ tensors: model, metadata: rest })));
}

// Linux only: in /proc, Node's recursive mkdir never returns.
(process.platform === 'linux' ? test : test.skip)(
  'a run folder that cannot be created is rejected at once',
  () =>
    inFolder(async (_, data) => {
      await expect(events({ config: small(data), out: '/proc/x/y' })).rejects.toMatchObject({
        code: 'ERR_TANGSHI_IO',
        message: expect.stringContaining('/proc/x'),
      });
    }),
);

test('a run folder under a file is rejected, and the error names it', () =>
  inFolder(async (folder, data) => {
    const out = join(data, 'run');
    await expect(events({ config: small(data), out })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_IO',
      message: expect.stringMatching(/a part of the path is a file/),
    });
    expect((await stat(folder)).isDirectory()).toBe(true);
  }));

test('a file in place of the run folder is rejected, and named, before anything is read', () =>
  inFolder(async (folder, data) => {
    const config = small(join(folder, 'nothing.txt'));
    await expect(events({ config, out: data })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_RUN',
      message: `${data} is not a folder: choose another path for out`,
      option: 'out',
    });
  }));
