/** A short run of each part of `npm run torture`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corpora } from '../../scripts/dev/torture/corpora';
import { faults } from '../../scripts/dev/torture/faults';
import { kills } from '../../scripts/dev/torture/kills';
import { mutants } from '../../scripts/dev/torture/mutants';
import { options } from '../../scripts/dev/torture/options';
import { sequences } from '../../scripts/dev/torture/sequences';
import type { Figures, Torture } from '../../scripts/dev/torture/torture';

async function short(work: (torture: Torture) => Promise<Figures>, count: number): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'tangshi-torture-'));
  try {
    return await work({ seed: 1, count, folder, show: () => undefined });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const MINUTE = 60_000;

test(
  'kill -9 loses nothing that was reported as saved',
  async () => {
    expect(await short(kills, 6)).toMatchObject({ kills: 6 });
  },
  MINUTE,
);

// Linux only: preloads a library.
(process.platform === 'linux' ? test : test.skip)(
  'simulated I/O errors lose nothing that was reported as saved',
  async () => {
    expect(await short(faults, 8)).toMatchObject({ 'calls refused': 8 });
  },
  MINUTE,
);

test('a mutated checkpoint is rejected, or equals the original', async () => {
  const figures = await short(mutants, 4000);
  expect(figures).toMatchObject({ mutants: 4000 });
  expect(figures.refused).toBeGreaterThan(2500);
  expect(figures['forged and taken']).toBeGreaterThan(10);
});

test('an invalid corpus is rejected with bounded memory, and accepted poems are clean', async () => {
  const figures = await short(corpora, 400);
  expect(figures.corpora).toBe(402);
  expect(figures.poems).toBeGreaterThan(100);
});

test(
  'random sequences of calls are all settled',
  async () => {
    const figures = await short(sequences, 300);
    expect(figures).toMatchObject({ sequences: 300 });
    expect(figures.rejected).toBeGreaterThan(500);
    expect(figures.resolved).toBeGreaterThan(500);
  },
  MINUTE,
);

test('calls with arguments of the wrong type get an error that explains it', async () => {
  const figures = await short(options, 100);
  expect(figures).toMatchObject({ calls: 700 });
  expect(figures.refused).toBeGreaterThan(300);
});
