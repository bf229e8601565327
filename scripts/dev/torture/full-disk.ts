import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCheckpoint, train } from '../../../lib';
import { events, type Figures, learned, POEMS, smallConfig, type Torture } from './torture';

/**
 * A real full disk: a tmpfs with room for some checkpoints, filled up to a given number of free bytes. Training must
 * report it; what was reported as saved must be there; and with free space again, the run must resume as if nothing had
 * happened. Mounting requires root.
 *
 * @param torture.count Number of different amounts of free space.
 */
export async function fullDisk({ count, folder, show }: Torture): Promise<Figures> {
  const data = join(folder, 'poems.txt');
  await writeFile(data, `${POEMS.map((poem, index) => `诗${index}:${poem}`).join('\n')}\n`);
  const [unbroken, begun] = [join(folder, 'unbroken'), join(folder, 'begun')];
  const setting = { config: smallConfig(data, 2), device: 'cpu' } as const;
  await events({ ...setting, out: unbroken });
  const expected = await learned(unbroken);
  await events({ ...setting, out: begun, maxSteps: 2, saveEvery: 1 });
  const checkpoint = statSync(join(begun, 'last.safetensors')).size;

  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const figures = { disks: 0, 'ran full': 0 };
  for (let i = 0; i < count; i++) {
    show(`${i + 1} of ${count} disks`);
    // From no free space to more than enough.
    const room = Math.floor((i / count) * 6 * checkpoint);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${20 * checkpoint}`, 'tmpfs', disk], {
        stdio: 'pipe',
      });
    } catch (error) {
      return { 'not tried': String((error as { stderr: Buffer }).stderr).trim() };
    }
    try {
      const out = join(disk, 'run');
      cpSync(begun, out, { recursive: true });
      const ballast = join(disk, 'ballast');
      const free = Number(
        execFileSync('df', ['--output=avail', '-B1', disk], { encoding: 'utf8' }).split('\n')[1],
      );
      writeFileSync(ballast, Buffer.alloc(Math.max(0, free - room)));
      let saved = 2;
      try {
        for await (const event of train({ out, resume: true, saveEvery: 1, keep: 3, device: 'cpu' }))
          if (event.type === 'checkpoint' && !event.best) saved = event.step;
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        if (code !== 'ERR_TANGSHI_IO' || !message.includes('the disk is full')) throw error;
        figures['ran full']++;
      }
      const { progress } = await readCheckpoint(join(out, 'last.safetensors'));
      if (progress.step < saved)
        throw new Error(
          `Step ${saved} was reported as saved, but the last checkpoint is of step ${progress.step}`,
        );
      rmSync(ballast);
      await events({ out, resume: true, device: 'cpu' });
      if ((await learned(out)) !== expected)
        throw new Error(`With ${room} free bytes, the resumed run differs from an uninterrupted one`);
      figures.disks++;
    } finally {
      execFileSync('umount', [disk]);
    }
  }
  return figures;
}
