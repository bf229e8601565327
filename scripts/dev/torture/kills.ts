import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCheckpoint } from '../../../lib';
import { Rng } from '../../../lib/util/rng';
import { events, type Figures, learned, lines, POEMS, smallConfig, start, type Torture } from './torture';

/** A kill comes so long after a training has begun, at most: a step with its save takes some ten milliseconds. */
const MOST_MS = 200;
/** One of so many kills comes while the process starts, within this time. */
const START_KILLS = 5;
const START_MS = 800;
/** Of one run: it ends in the course of some twenty kills. */
const EPOCHS = 30;

/**
 * kill -9 at random moments of training and saving. After each, all checkpoints in the folder are whole and the last is
 * the one acknowledged last, or a newer one. A run that comes to its end is bit for bit one that was never killed.
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
      if (signal !== 'SIGKILL' && code !== 0) throw new Error(`A training ended by itself with code ${code}`);
      if (signal === 'SIGKILL') figures.kills++;
      await checkFolder(out, acknowledged, figures);
    }
    if (!done) break;
    if ((await learned(out)) !== expected) throw new Error(`${out} did not end as an unbroken run does`);
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
    if (acknowledged > 0) throw new Error(`Step ${acknowledged} was said to be saved, and nothing is there`);
    figures['killed before the first save']++;
    return;
  }
  for (const name of names.filter((name) => name.endsWith('.safetensors'))) {
    const { progress } = await readCheckpoint(join(out, name));
    figures['checkpoints read']++;
    if (name === 'last.safetensors' && progress.step < acknowledged)
      throw new Error(
        `Step ${acknowledged} was said to be saved, and the last checkpoint has ${progress.step}`,
      );
  }
}
