import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { readCheckpoint } from '../../../lib';
import { events, type Figures, learned, POEMS, smallConfig, start, type Torture } from './torture';

const EPOCHS = 2;
/** A full disk, an I/O error, a disk remounted read-only, a revoked permission. */
const ERRORS = ['ENOSPC', 'EIO', 'EROFS', 'EACCES'] as const;

/**
 * Simulates an I/O error at each call in turn by which a training run resumes and saves: open, write (half of it),
 * fsync, rename, link. Training must report the error and exit with code 1; no checkpoint that was reported as saved
 * may be lost; and the run must resume from there as if nothing had happened.
 *
 * @param torture.count Number of calls to try, spread evenly over all of them.
 */
export async function faults({ count, folder, show }: Torture): Promise<Figures> {
  const library = join(folder, 'faults.so');
  await promisify(execFile)('cc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-o',
    library,
    join(__dirname, 'faults.c'),
    '-ldl',
  ]);
  const data = join(folder, 'poems.txt');
  await writeFile(data, `${POEMS.map((poem, index) => `诗${index}:${poem}`).join('\n')}\n`);
  const unbroken = join(folder, 'unbroken');
  await events({ config: smallConfig(data, EPOCHS), out: unbroken, device: 'cpu' });
  const expected = await learned(unbroken);
  const begun = join(folder, 'begun');
  await events({ config: smallConfig(data, EPOCHS), out: begun, saveEvery: 1, maxSteps: 2, device: 'cpu' });

  const out = join(folder, 'run');
  const trial = async (settings: Record<string, string>) => {
    await rm(out, { recursive: true, force: true });
    await cp(begun, out, { recursive: true });
    const env = { LD_PRELOAD: library, FAULT_UNDER: out, ...settings };
    const child = start('trainee.ts', [data, out, String(EPOCHS)], env);
    const exit = once(child, 'exit');
    const [stdout, stderr] = await Promise.all([
      text(child.stdout as NodeJS.ReadableStream),
      text(child.stderr as NodeJS.ReadableStream),
    ]);
    const [code] = await exit;
    const saved = [...stdout.matchAll(/^saved (\d+)$/gm)].map(([, step]) => Number(step));
    return { code, stderr, acknowledged: Math.max(2, ...saved) };
  };

  const log = join(folder, 'calls');
  await trial({ FAULT_LOG: log });
  const calls = (await readFile(log, 'utf8')).trimEnd().split('\n');
  checkOrder(calls);
  const figures = {
    'calls on the disk': calls.length,
    'calls refused': 0,
    'told and ended': 0,
    'did without': 0,
  };
  for (let i = 0; i < Math.min(count, calls.length); i++) {
    const at = 1 + Math.floor((i * calls.length) / Math.min(count, calls.length));
    const name = ERRORS[i % ERRORS.length] as (typeof ERRORS)[number];
    show(`${i + 1} of ${Math.min(count, calls.length)} errors: ${name} at call ${at}, ${calls[at - 1]}`);
    // A temporary error in a single call, then a permanent one.
    const many = i % 2 === 0 ? '1' : '0';
    const refusal = { FAULT_AT: String(at), FAULT_MANY: many, FAULT_ERRNO: String(constants.errno[name]) };
    const { code, stderr, acknowledged } = await trial(refusal);
    const what = `${name} at call ${at} (${calls[at - 1]})`;
    figures['calls refused']++;
    if (code === 0) figures['did without']++;
    else if (code === 1 && /^ERR_TANGSHI_IO: Cannot write .+/.test(stderr)) figures['told and ended']++;
    else throw new Error(`${what}: code ${code}, ${stderr}`);
    const { progress } = await readCheckpoint(join(out, 'last.safetensors'));
    if (progress.step < acknowledged)
      throw new Error(
        `${what}: step ${acknowledged} was reported as saved, but the last checkpoint is of step ${progress.step}`,
      );
    await events({ out, resume: true, device: 'cpu' });
    if ((await learned(out)) !== expected)
      throw new Error(`${what}: the resumed run differs from an uninterrupted one`);
    if (existsSync(join(out, 'last.safetensors.tmp'))) throw new Error(`${what}: a temporary file is left`);
  }
  return figures;
}

/** Checks that every renamed file was synced before, and its folder afterwards, before it is reported as saved. */
function checkOrder(calls: readonly string[]): void {
  calls.forEach((call, i) => {
    if (call !== 'rename') return;
    const before = calls.slice(0, i).lastIndexOf('write');
    const synced = calls.slice(before, i).includes('fsync') || calls[i - 1] === 'link';
    const after = calls.slice(i + 1, i + 3).includes('fsync');
    if (!synced || !after)
      throw new Error(`A file was renamed that was not synced: ${calls.slice(i - 4, i + 3)}`);
  });
}
