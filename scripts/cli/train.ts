import { Option } from 'commander';
import { isPreset, presetConfig, TangshiError, type TrainOptions, train } from '../../lib';
import { CORPUS_FORMATS } from '../../lib/data/corpus-format';
import { ENCODINGS } from '../../lib/data/encoding';
import { newestRun, newRunFolder, RUNS } from '../../lib/train/run-folder';
import { commandLine } from '../../lib/util/package-root';
import { integer, list, newCommand, number, run } from './command';
import { Reporter } from './progress';

const command = newCommand('train')
  .description(
    'Trains a model that generates Tang poems. Ctrl-C saves and stops; --resume continues.\n' +
      'Options that are not given have the values of the preset.',
  )
  .addOption(
    new Option('--preset <name>', 'configuration to start from; classic: the original program')
      .choices(['classic', 'default', 'large'])
      .default('default'),
  )
  .option('--data <corpus>', 'poems, tangshi, quantangshi, quansongshi, or the path of a file')
  .option('--extra <corpus>', 'another corpus to train on, none of it held out (can be repeated)', list)
  .addOption(
    new Option('--format <format>', 'format of the file (default: detected)').choices(CORPUS_FORMATS),
  )
  .addOption(new Option('--encoding <name>', 'encoding of the file (default: UTF-8)').choices(ENCODINGS))
  .addOption(
    new Option('--cleaning <rules>', 'how records become poems; plain: any text, one per line').choices([
      'modern',
      'classic',
      'plain',
    ]),
  )
  .option('--min-count <n>', 'leave rarer characters out of the vocabulary', integer(1))
  .addOption(new Option('--cell <cell>', 'type of the recurrent layers').choices(['lstm', 'gru', 'rnn']))
  .option('--embed <size>', 'size of the embedding', integer(1))
  .option('--hidden <size>', 'size of the hidden state', integer(1))
  .option('--layers <n>', 'number of recurrent layers', integer(1))
  .option('--dropout <probability>', 'dropout probability', number(0, 0.99))
  .option('--epochs <n>', 'number of passes over the corpus', integer(1))
  .option('--minutes <n>', 'stop after this many minutes', number(0))
  .option('--max-steps <n>', 'stop when the run has taken this many steps', integer(1))
  .option('--batch <poems>', 'poems per training step', integer(1))
  .option('--lr <rate>', 'learning rate', number(0))
  .option('--seed <n>', 'seed of weights, batches and dropout', integer(0))
  .option('--device <device>', 'auto, cpu, cuda or cuda:N', 'auto')
  .addOption(
    new Option('--precision <format>', 'precision of matrix products on a GPU (default: tf32)').choices([
      'fp32',
      'tf32',
      'bf16',
      'fp16',
    ]),
  )
  .option('--no-graph', 'do not capture training steps on a GPU as CUDA graphs')
  .option('--threads <n>', 'CPU threads (default: all that may be used)', integer(1))
  .option('--out <folder>', 'run folder (default: a new one under runs/)')
  .option('--resume', 'continue the run in --out (default: the newest run)')
  .option('--init <file>', 'start from the weights of a .safetensors file')
  .option('--save-every <steps>', 'steps between checkpoints', integer(1), 100)
  .option('--keep <n>', 'number of recent checkpoints to keep, in addition to the best', integer(1), 2)
  .option('--skip-nonfinite', 'skip steps whose loss or gradient is NaN or infinite')
  .option(
    '--log-every <steps>',
    'steps between lines if stdout is not a terminal, and between readings of the loss on a GPU',
    integer(1),
    50,
  )
  .option('--json', 'print one JSON event per line, and nothing else (with npm run -s)')
  .action(async (flags) => {
    const reporter = new Reporter(process.stdout, flags);
    for await (const event of train(await toOptions(flags))) {
      if (flags.json) process.stdout.write(`${JSON.stringify(event)}\n`);
      else reporter.tell(event);
    }
  });

type Flags = ReturnType<typeof command.opts>;

async function toOptions(flags: Flags): Promise<TrainOptions> {
  return {
    // The default is not a choice of the user: a resumed run keeps its own preset.
    preset: command.getOptionValueSource('preset') === 'default' ? undefined : flags.preset,
    config: configOf(flags),
    out: flags.out ?? (flags.resume ? await newestRunFolder() : newFolder(flags)),
    resume: flags.resume,
    init: flags.init,
    device: flags.device,
    graph: flags.graph,
    minutes: flags.minutes,
    maxSteps: flags.maxSteps,
    saveEvery: flags.saveEvery,
    keep: flags.keep,
    skipNonfinite: flags.skipNonfinite,
    logEvery: flags.logEvery,
    signal: stop.signal,
  };
}

function configOf(flags: Flags): TrainOptions['config'] {
  return {
    data: flags.data,
    extra: flags.extra,
    format: flags.format,
    encoding: flags.encoding,
    cleaning: flags.cleaning,
    minCount: flags.minCount,
    cell: flags.cell,
    embedDim: flags.embed,
    hiddenDim: flags.hidden,
    layers: flags.layers,
    dropout: flags.dropout,
    epochs: flags.epochs,
    batch: flags.batch,
    lr: flags.lr,
    seed: flags.seed,
    threads: flags.threads,
    precision: flags.precision,
  };
}

function newFolder({ data, preset }: Flags): string {
  return newRunFolder(data ?? (isPreset(preset) ? presetConfig(preset).data : ''), preset);
}

async function newestRunFolder(): Promise<string> {
  const folder = await newestRun(['last', 'config']);
  if (folder !== undefined) return folder;
  throw new TangshiError(
    'ERR_TANGSHI_RUN',
    `There is no run under ${RUNS}/ to resume: start one with ${commandLine('train')}`,
  );
}

/** npm forwards Ctrl-C in a terminal, so that it arrives twice: a second signal counts after this time. */
const MILLISECONDS_BETWEEN_SIGNALS = 500;

/** The first Ctrl-C or SIGTERM stops after the step in progress, the second one at once. */
function stopOnSignals(): AbortController {
  const controller = new AbortController();
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = performance.now();
      process.stderr.write('\nStopping after this step. Press Ctrl-C again to quit at once.\n');
      process.exitCode = signal === 'SIGINT' ? 130 : 143;
      controller.abort();
    } else if (performance.now() - first > MILLISECONDS_BETWEEN_SIGNALS) {
      process.kill(process.pid, 'SIGKILL'); // does not wait for the step in progress
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  return controller;
}

const stop = stopOnSignals();
run(command, () => stop.abort());
