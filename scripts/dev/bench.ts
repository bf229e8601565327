import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { integer, newCommand, onClosedOutput, run } from '../cli/command';
import { progress } from '../setup/say';
import { bars } from './bench/bars';
import { Mismatch } from './bench/check';
import { curve } from './bench/curve';
import type { Bench } from './bench/field';
import { buildPeak } from './bench/floor';
import { gpu } from './bench/gpu';
import { describeMachine } from './bench/machine';
import { memory } from './bench/memory';
import { findPeers } from './bench/peers';
import * as report from './bench/report';
import { sampling } from './bench/sampling';
import { scaling } from './bench/scaling';
import { training } from './bench/training';

const SECTIONS = ['curve', 'training', 'sampling', 'memory', 'scaling'] as const;
type Section = (typeof SECTIONS)[number] | 'gpu';

/** Of everybody who can choose. */
const THREADS = 2;
const ROUNDS = 5;

// npm has a setting of that name (a Python for node-gyp), and an option given to it without -- lands there too.
const { npm_config_python: PYTHON = 'python3' } = process.env;
delete process.env.npm_config_python;

const command = newCommand('bench')
  .description(
    'How fast this library is beside PyTorch, onnxruntime-node and tfjs, as far as they are there.\n' +
      'First all must compute the same; if they do not, the exit code is 1. About 8 minutes on two cores.',
  )
  .option('--only <sections>', `of ${SECTIONS.join(',')}`, sections, [...SECTIONS])
  .addOption(
    new Option('--device <device>', 'cuda: a GPU beside PyTorch on it and beside the CPU, instead of these')
      .choices(['cpu', 'cuda'])
      .default('cpu')
      .conflicts('only'),
  )
  .option('--python <path>', 'a Python that has torch', PYTHON)
  .option('--rounds <n>', 'of each contender in each contest', integer(1), ROUNDS)
  .option('--json', 'one JSON object (with npm run -s)')
  .action(async ({ only, device, python, rounds, json }) => {
    const line = progress();
    const tell = (text: string) => {
      line.done();
      if (!json) process.stdout.write(text);
    };
    try {
      line.show('looking for peers');
      const peers = findPeers(python);
      const peak = await buildPeak();
      const machine = describeMachine(peers.versions);
      tell(report.machineText(machine, peers.skipped));
      const bench = { folder: folder(), peers, peak, rounds, threads: THREADS, show: line.show };
      const results = await measure(bench, device === 'cuda' ? ['gpu'] : only, tell);
      const judged = bars(results);
      tell(report.barsText(judged));
      const facts = { machine, skipped: peers.skipped, threads: THREADS, ...results, bars: judged };
      if (json) process.stdout.write(`${JSON.stringify(facts)}\n`);
    } catch (error) {
      line.done();
      if (error instanceof Mismatch) process.stderr.write('NOT THE SAME WORK, so no time counts. ');
      process.stderr.write(`${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  });

/** Each section tells its results as soon as it has them. */
async function measure(bench: Bench, only: readonly Section[], tell: (text: string) => void) {
  const told = async <T>(section: Section, results: () => Promise<T>, text: (results: T) => string) => {
    if (!only.includes(section)) return undefined;
    const found = await results();
    tell(text(found));
    return found;
  };
  return {
    curve: await told('curve', () => curve(bench), report.curveText),
    training: await told('training', () => training(bench), report.trainingText),
    sampling: await told('sampling', () => sampling(bench), report.samplingText),
    memory: await told('memory', () => memory(bench), report.memoryText),
    scaling: await told('scaling', () => scaling(bench), report.scalingText),
    gpu: await told(
      'gpu',
      () => gpu({ ...bench, told: (contest) => tell(report.contestText(contest)) }),
      report.gpuText,
    ),
  };
}

function sections(text: string): Section[] {
  const names = text.split(',') as (typeof SECTIONS)[number][];
  const other = names.find((name) => !SECTIONS.includes(name));
  if (other !== undefined) throw new InvalidArgumentError(`There is no section ${other}.`);
  return names;
}

/** Is gone with this process. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tangshi-bench-'));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}

// On a signal, leave by process.exit: its listeners end what was started and remove what was written.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => process.exit(code));
}

onClosedOutput(() => process.exit());
run(command);
