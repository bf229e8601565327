import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCheckpoint } from '../../../lib';
import { Rng } from '../../../lib/util/rng';
import { events, type Figures, learned, lines, POEMS, smallConfig, start, type Torture } from './torture';

/** Latest time of a kill after training has begun. A step with its save takes about ten milliseconds. */
const MOST_MS = 200;
/** One in this number of kills comes while the process starts, within this time. */
const START_KILLS = 5;
const START_MS = 800;
/** Length of a run: it finishes after about twenty kills. */
const EPOCHS = 30;

/**
 * kill -9 at random moments of training and saving. After each, all checkpoints in the folder must be intact, and the
 * last must be at least as new as the last one reported as saved. A finished run must be bitwise identical to one that
 * was never killed.
 */
export async function kills({ seed, count, folder, show }: Torture): Promise<Figures> {
  const rng = Rng.of(seed, 'kills');
  const data = join(folder, 'poems.txt');
  await writeFile(data, `${POEMS.map((poem, index) => `诗${index}:${poem}`).join('\n')}\n`);
  const unbroken = join(folder, 'unbroken');
  await events({ config: smallConfig(data, EPOCHS), out: unbroken, saveEvery: 1000, device: 'cpu' });
  const expected = await learned(unbroken);

  const figures = { kills: 0, 'whole runs': 0, 'checkpoints read': 0, 'killed before the first save': 0 };
  for (let run = 0; figures.kills < count; run++) {
    const out = join(folder, `run-${run}`);
    let acknowledged = 0;
    let done = false;
    while (!done && figures.kills < count) {
      show(`${figures.kills} of ${count} kills, run ${run + 1} at step ${acknowledged}`);
      const child = start('trainee.ts', [data, out, String(EPOCHS)]);
      const exit = once(child, 'exit');
      const said = lines(child);
      said.on('line', (line) => {
        if (line.startsWith('saved ')) acknowledged = Number(line.slice('saved '.length));
        done ||= line.startsWith('done ');
      });
      const early = rng.below(START_KILLS) === 0;
      if (!early) await Promise.race([once(said, 'line'), exit]); // ready
      await Promise.race([sleep(rng.below((early ? START_MS : MOST_MS) * 1000) / 1000), exit]);
      child.kill('SIGKILL');
      const [code, signal] = await exit;
      if (signal !== 'SIGKILL' && code !== 0) throw new Error(`Training exited by itself with code ${code}`);
      if (signal === 'SIGKILL') figures.kills++;
      await checkFolder(out, acknowledged, figures);
    }
    if (!done) break;
    if ((await learned(out)) !== expected) throw new Error(`${out} differs from an uninterrupted run`);
    figures['whole runs']++;
  }
  return figures;
}

async function checkFolder(
  out: string,
  acknowledged: number,
  figures: { 'checkpoints read': number; 'killed before the first save': number },
): Promise<void> {
  const names = existsSync(out) ? await readdir(out) : [];
  if (!names.includes('last.safetensors')) {
    if (acknowledged > 0)
      throw new Error(`Step ${acknowledged} was reported as saved, but there is no checkpoint`);
    figures['killed before the first save']++;
    return;
  }
  for (const name of names.filter((name) => name.endsWith('.safetensors'))) {
    const { progress } = await readCheckpoint(join(out, name));
    figures['checkpoints read']++;
    if (name === 'last.safetensors' && progress.step < acknowledged)
      throw new Error(
        `Step ${acknowledged} was reported as saved, but the last checkpoint is of step ${progress.step}`,
      );
  }
}
