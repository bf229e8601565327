import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { integer, newCommand, onClosedOutput, run } from '../cli/command';
import { progress } from '../setup/say';
import { corpora } from './torture/corpora';
import { faults } from './torture/faults';
import { fullDisk } from './torture/full-disk';
import { kills } from './torture/kills';
import { mutants } from './torture/mutants';
import { options } from './torture/options';
import { sanitizers } from './torture/sanitizers';
import { sequences } from './torture/sequences';
import { soak } from './torture/soak';
import type { Figures, Torture } from './torture/torture';

type Section = Readonly<{
  work: (torture: Torture) => Promise<Figures>;
  /** Default count, and what it counts. */
  count: number;
  of: string;
}>;

const SECTIONS: Readonly<Record<string, Section>> = {
  kills: { work: kills, count: 200, of: 'times kill -9 while training and saving' },
  faults: { work: faults, count: 1000, of: 'simulated I/O errors, at most one per call' },
  full: { work: fullDisk, count: 60, of: 'disks with increasing free space (mounting requires root)' },
  mutants: { work: mutants, count: 100_000, of: 'mutated checkpoints' },
  corpora: { work: corpora, count: 10_000, of: 'mutated corpora, and some very large ones' },
  sequences: { work: sequences, count: 10_000, of: 'sequences of calls to the addon' },
  options: { work: options, count: 3000, of: 'calls of each library function with arguments of any type' },
  soak: { work: soak, count: 10_000, of: 'steps, then 1,000 sessions' },
  sanitizers: { work: sanitizers, count: 1000, of: 'sequences, and the C++ tests, under ASan and UBSan' },
};
const NAMES = Object.keys(SECTIONS);

const command = newCommand('torture')
  .description(
    `Stress tests of training and its files. Takes about 20 minutes.\n${NAMES.map(
      (name) => `  ${name.padEnd(11)}${SECTIONS[name]?.count} ${SECTIONS[name]?.of}`,
    ).join('\n')}`,
  )
  .option('--only <sections>', `sections to run, out of ${NAMES.join(',')}`, sections, NAMES)
  .option('--count <n>', 'count, instead of the numbers above', integer(1))
  .option('--seed <n>', 'seed of the random choices', integer(0), 1)
  .action(async ({ only, count, seed }) => {
    const line = progress();
    for (const name of only as string[]) {
      const section = SECTIONS[name] as Section;
      const folder = mkdtempSync(join(tmpdir(), 'tangshi-torture-'));
      const started = Date.now();
      const replay = `npm run torture -- --only ${name} --count ${count ?? section.count} --seed ${seed}`;
      try {
        const show = (text: string) => line.show(`${name}: ${text}`);
        const figures = await section.work({ seed, count: count ?? section.count, folder, show });
        line.done();
        const all = Object.entries({ ...figures, seconds: Math.round((Date.now() - started) / 1000) });
        process.stdout.write(
          `${replay}\n${all.map(([what, value]) => `  ${what}: ${value.toLocaleString('en-US')}\n`).join('')}`,
        );
        rmSync(folder, { recursive: true, force: true });
      } catch (error) {
        line.done();
        process.stdout.write(
          `${replay}\n  FAILED: ${(error as Error).stack}\n  Its files are in ${folder}\n`,
        );
        process.exitCode = 1;
      }
    }
    process.exit();
  });

function sections(text: string): string[] {
  const names = text.split(',');
  const other = names.find((name) => !NAMES.includes(name));
  if (other !== undefined) throw new InvalidArgumentError(`Unknown section ${other}.`);
  return names;
}

onClosedOutput(() => process.exit());
run(command);
