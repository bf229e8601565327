import { Option } from 'commander';
import { type TrainOptions, train } from '../../lib';
import { integer, list, newCommand, number, run } from './command';
import { Reporter } from './progress';

const command = newCommand('train')
  .description(
    'Trains a model that writes Tang poems. Ctrl-C saves and stops; --resume goes on.\n' +
      'What is left out is as the preset has it.',
  )
  .addOption(
    new Option('--preset <name>', 'classic: the original program')
      .choices(['classic', 'default', 'large'])
      .default('default'),
  )
  .option('--data <corpus>', 'poems, tangshi, quantangshi, quansongshi, or the path of a file')
  .option('--extra <corpus>', 'one more to learn from, nothing of it held out (can be repeated)', list)
  .addOption(new Option('--format <format>', 'of the file').choices(['titled', 'lines', 'json']))
  .addOption(
    new Option('--cleaning <rules>', 'plain: any text, a line each').choices(['modern', 'classic', 'plain']),
  )
  .option('--min-count <n>', 'rarer characters are left out of the vocabulary', integer(1))
  .addOption(new Option('--cell <cell>', 'of the network').choices(['lstm', 'gru', 'rnn']))
  .option('--embed <size>', 'size of the embedding', integer(1))
  .option('--hidden <size>', 'size of the hidden state', integer(1))
  .option('--layers <n>', 'of cells', integer(1))
  .option('--dropout <probability>', 'in training, on the embedding and between layers', number(0, 0.99))
  .option('--epochs <n>', 'times through the corpus', integer(1))
  .option('--minutes <n>', 'stop after this time', number(0))
  .option('--max-steps <n>', 'stop when the run has done so many', integer(1))
  .option('--batch <poems>', 'poems of a step', integer(1))
  .option('--lr <rate>', 'learning rate', number(0))
  .option('--seed <n>', 'of weights, batches and dropout', integer(0))
  .option('--device <device>', 'auto, cpu, cuda or cuda:N', 'auto')
  .addOption(
    new Option('--precision <bits>', 'of products on a GPU (default: tf32)').choices([
      'fp32',
      'tf32',
      'bf16',
      'fp16',
    ]),
  )
  .option('--no-graph', 'on a GPU, launch the parts of a step one by one')
  .option('--threads <n>', 'CPU threads (default: all cores)', integer(1))
  .option('--out <folder>', 'run folder (default: a new one under runs/)')
  .option('--resume', 'go on with the run in --out, or with the newest')
  .option('--init <file>', 'start from the weights of a .safetensors file')
  .option('--save-every <steps>', 'between checkpoints', integer(1), 100)
  .option('--keep <n>', 'of the last checkpoints, beside the best', integer(1), 2)
  .option('--skip-nonfinite', 'pass over steps whose loss or gradient is no number')
  .option(
    '--log-every <steps>',
    'between lines where output is not a terminal; on a GPU also between readings of the loss',
    integer(1),
    50,
  )
  .option('--json', 'one JSON event a line, and nothing else, on stdout (with npm run -s)')
  .action(async (flags) => {
    const { out, resume, init, device, graph, minutes, maxSteps, saveEvery, keep, skipNonfinite, logEvery } =
      flags;
    const options: TrainOptions = {
      ...{ out, resume, init, device, graph, minutes, maxSteps, saveEvery, keep, skipNonfinite, logEvery },
      // The default preset is no wish of the user's: a run that goes on keeps its own.
      preset: command.getOptionValueSource('preset') === 'default' ? undefined : flags.preset,
      config: {
        ...{
          data: flags.data,
          extra: flags.extra,
          format: flags.format,
          cleaning: flags.cleaning,
          minCount: flags.minCount,
          cell: flags.cell,
        },
        ...{ embedDim: flags.embed, hiddenDim: flags.hidden, layers: flags.layers, dropout: flags.dropout },
        ...{
          epochs: flags.epochs,
          batch: flags.batch,
          lr: flags.lr,
          seed: flags.seed,
          threads: flags.threads,
          precision: flags.precision,
        },
      },
      signal: stop.signal,
    };
    const reporter = new Reporter(process.stdout, flags);
    for await (const event of train(options)) {
      if (flags.json) process.stdout.write(`${JSON.stringify(event)}\n`);
      else reporter.tell(event);
    }
  });

/** npm hands a terminal's Ctrl-C down once more: a second signal counts when it comes this much later. */
const MILLISECONDS_BETWEEN_SIGNALS = 500;

/** The first Ctrl-C or SIGTERM asks for an end after the step in progress, the second leaves at once. */
function stopOnSignals(): AbortController {
  const controller = new AbortController();
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = performance.now();
      process.stderr.write('\nStopping after this step. Once more to leave at once.\n');
      process.exitCode = signal === 'SIGINT' ? 130 : 143;
      controller.abort();
    } else if (performance.now() - first > MILLISECONDS_BETWEEN_SIGNALS) {
      process.kill(process.pid, 'SIGKILL'); // whatever the step in progress does
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  return controller;
}

const stop = stopOnSignals();
run(command, () => stop.abort());
