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
import { networks } from './bench/networks';
import { findPeers } from './bench/peers';
import { precision } from './bench/precision';
import * as report from './bench/report';
import { sampling } from './bench/sampling';
import { scaling } from './bench/scaling';
import { training } from './bench/training';

const SECTIONS = ['curve', 'training', 'networks', 'precision', 'sampling', 'memory', 'scaling'] as const;
type Section = (typeof SECTIONS)[number] | 'gpu';

/** For all contenders whose number of threads can be set. */
const THREADS = 2;
const ROUNDS = 5;

// npm has a setting of this name (a Python for node-gyp), and also sets it if --python is passed without the -- before
// it.
const { npm_config_python: PYTHON = 'python3' } = process.env;
delete process.env.npm_config_python;

const command = newCommand('bench')
  .description(
    'Compares the speed of this library with PyTorch, onnxruntime-node and tfjs, if installed.\n' +
      'Exits with code 1 if their results differ. Takes about 15 minutes on two cores.',
  )
  .option('--only <sections>', `sections to run, out of ${SECTIONS.join(',')}`, sections, [...SECTIONS])
  .addOption(
    new Option('--device <device>', 'cuda: compare a GPU with PyTorch on it and with the CPU instead')
      .choices(['cpu', 'cuda'])
      .default('cpu')
      .conflicts('only'),
  )
  .option('--python <path>', 'a Python with torch', PYTHON)
  .option('--rounds <n>', 'rounds per contender in each contest', integer(1), ROUNDS)
  .option('--json', 'print one JSON object (with npm run -s)')
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
      if (error instanceof Mismatch) process.stderr.write('RESULTS DIFFER, so times cannot be compared. ');
      process.stderr.write(`${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  });

/** Each section prints its results as soon as they are available. */
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
    networks: await told('networks', () => networks(bench), report.networksText),
    precision: await told('precision', () => precision(bench), report.precisionText),
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
  if (other !== undefined) throw new InvalidArgumentError(`Unknown section ${other}.`);
  return names;
}

/** Removed when this process exits. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tangshi-bench-'));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}

// On a signal, leave by process.exit: its listeners end child processes and remove files.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => process.exit(code));
}

onClosedOutput(() => process.exit());
run(command);
