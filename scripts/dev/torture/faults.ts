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
/** A full disk, a broken one, one that turned read-only, a permission taken away. */
const ERRORS = ['ENOSPC', 'EIO', 'EROFS', 'EACCES'] as const;

/**
 * A disk that refuses at each call in turn, of those by which a training goes on and saves: opening, writing (half of
 * it), syncing, renaming, linking. The training says so and ends with code 1; no checkpoint that was said to be saved
 * is lost, and the run goes on from there as if nothing had been.
 *
 * @param torture.count Calls that are tried, spread over all of them.
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
    show(`${i + 1} of ${Math.min(count, calls.length)} refusals: ${name} at call ${at}, ${calls[at - 1]}`);
    // One refusal, as of a moment, and then a disk that refuses for good.
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
      throw new Error(`${what}: step ${acknowledged} was said to be saved, there is ${progress.step}`);
    await events({ out, resume: true, device: 'cpu' });
    if ((await learned(out)) !== expected)
      throw new Error(`${what}: the run did not go on as an unbroken one`);
    if (existsSync(join(out, 'last.safetensors.tmp'))) throw new Error(`${what}: something is left beside`);
  }
  return figures;
}

/** Whatever is renamed was synced before, and the folder is synced after: only then is it said to be saved. */
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
