import { constants } from 'node:os';
import { type Command, Option } from 'commander';
import { type Preset, presetConfig, TangshiError, type TrainOptions, train } from '../../lib';
import { PRESET_NAMES } from '../../lib/config/schemas';
import { CLEANING_RULES } from '../../lib/data/clean';
import { newestRun, newRunFolder, RUNS, readRunConfig } from '../../lib/train/run-folder';
import { commandLine } from '../../lib/util/package-root';
import { integer, list, newCommand, number, onClosedOutput } from './command';
import { ensureCorpora } from './corpora';
import { encodingOption, formatOption } from './corpus-options';
import { t } from './language';
import { isQuiet } from './messages';
import { Reporter } from './progress';
import { type ConfigFlags, type Configuration, configurationOf, printedConfig } from './train-config';
import { ensureTrainingAddon } from './training-addon';

/** `tangshi train`. */
export function trainCommand(): Command {
  const command = newCommand('train').description(
    t(
      'Train a model that generates Tang poems. Ctrl-C saves and stops; --resume continues.\n' +
        'Options that are not given have the values of the preset.',
      '训练写唐诗的模型。按 Ctrl-C 保存并停止，用 --resume 继续。\n未指定的选项取预设的值。',
    ),
  );
  addCorpusOptions(command);
  addNetworkOptions(command);
  addOptimizationOptions(command);
  addRunOptions(command);
  return command.action(async (flags: Flags) => {
    // The default is not a choice of the user: a resumed run keeps its own preset.
    const preset = command.getOptionValueSource('preset') === 'default' ? undefined : flags.preset;
    const configuration = await configurationOf(flags, flags.config, preset);
    if (flags.printConfig) return void process.stdout.write(printedConfig(configuration));
    const options = { ...configuration, ...(await runOptions(flags, configuration)) };
    ensureTrainingAddon();
    await ensureCorpora(await corporaOf(options));
    await runTraining(options, flags);
  });
}

function addCorpusOptions(command: Command): void {
  command
    .addOption(
      new Option(
        '--preset <name>',
        t('configuration to start from; classic: the original program', '预设配置；classic 与原程序相同'),
      )
        .choices(PRESET_NAMES)
        .default('default'),
    )
    .option('--config <file>', t('read the configuration from a JSON file', '从 JSON 文件读取配置'))
    .option('--print-config', t('print the configuration as JSON and exit', '以 JSON 输出配置，然后退出'))
    .option(
      '--data <corpus>',
      t(
        'poems, tangshi, quantangshi, quansongshi, songci, or the path of a file',
        '语料：poems、tangshi、quantangshi、quansongshi、songci，或文件路径',
      ),
    )
    .option(
      '--extra <corpus>',
      t(
        'another corpus to train on, none of it held out (can be repeated)',
        '再加一份训练语料，全部用于训练，不进留出集（可多次使用）',
      ),
      list,
    )
    .addOption(formatOption())
    .addOption(encodingOption())
    .addOption(
      new Option(
        '--cleaning <rules>',
        t('how records become poems; plain: any text, one per line', '清洗规则；plain：任意文本，每行一篇'),
      ).choices(CLEANING_RULES),
    )
    .option(
      '--min-count <n>',
      t('leave rarer characters out of the vocabulary', '出现次数低于此值的字不收入词表'),
      integer(1),
    )
    .option(
      '--held-out <share>',
      t('share of the poems to hold out from training', '留出集所占的比例（不参与训练）'),
      number(0, 0.99),
    )
    .option(
      '--titles',
      t('learn titles and genres, so that gen can be asked for them', '学习诗题与体裁，以便 gen 按题写诗'),
    )
    .option('--no-titles', t('learn the poems alone', '只学习诗文'));
}

function addNetworkOptions(command: Command): void {
  command
    .addOption(
      new Option('--cell <cell>', t('type of the recurrent layers', '循环层的类型')).choices([
        'lstm',
        'gru',
        'rnn',
      ]),
    )
    .option('--embed <size>', t('size of the embedding', '字向量的维数'), integer(1))
    .option('--hidden <size>', t('size of the hidden state', '隐藏状态的维数'), integer(1))
    .option('--layers <n>', t('number of recurrent layers', '循环层的层数'), integer(1))
    .option('--dropout <probability>', t('dropout probability', 'dropout 概率'), number(0, 0.99))
    .option('--tie-weights', t('share the weights of embedding and output layer', '字向量与输出层共享权重'))
    .option('--no-tie-weights', t('do not share them', '不共享权重'))
    .option(
      '--relu-logits',
      t('apply ReLU to the logits, a fault of the original program', '对 logits 使用 ReLU（原程序的缺陷）'),
    )
    .option('--no-relu-logits', t('do not apply it', '不使用 ReLU'))
    .option(
      '--xavier-output',
      t('initialize the output weights as the original program does', '按原程序的方式初始化输出层的权重'),
    )
    .option('--no-xavier-output', t('initialize them with larger values', '用较大的值初始化'));
}

function addOptimizationOptions(command: Command): void {
  command
    .option('--epochs <n>', t('number of passes over the corpus', '训练的轮数'), integer(1))
    .option('--batch <poems>', t('poems per training step', '批大小：每步训练的诗数'), integer(1))
    .addOption(
      new Option('--batching <order>', t('how poems are put into batches', '分批方式')).choices([
        'bucketed',
        'classic',
      ]),
    )
    .addOption(
      new Option(
        '--optimizer <name>',
        t('optimizer, with the semantics of PyTorch', '优化器，算法与 PyTorch 一致'),
      ).choices(['adamw', 'adam', 'rmsprop']),
    )
    .option('--lr <rate>', t('highest learning rate', '最高学习率'), number(0))
    .addOption(
      new Option(
        '--schedule <name>',
        t(
          'learning rate over time; cosine: warm-up, then decay to 5%',
          '学习率调度；cosine：先预热，再衰减到 5%',
        ),
      ).choices(['cosine', 'constant']),
    )
    .option(
      '--beta1 <x>',
      t('first moment decay of Adam and AdamW', 'Adam、AdamW 的一阶矩衰减率'),
      number(0, 1),
    )
    .option(
      '--beta2 <x>',
      t('second moment decay of Adam and AdamW', 'Adam、AdamW 的二阶矩衰减率'),
      number(0, 1),
    )
    .option('--alpha <x>', t('smoothing of RMSprop', 'RMSprop 的平滑系数'), number(0, 1))
    .option('--eps <x>', t('term of the optimizer for numerical stability', '优化器的数值稳定项'), number(0))
    .option('--weight-decay <x>', t('weight decay', '权重衰减'), number(0, 1))
    .option('--clip-norm <norm>', t('scale gradients down to this norm', '梯度裁剪的最大范数'), number(0))
    .option(
      '--seed <n>',
      t('seed of weights, batches and dropout', '初始权重、分批和 dropout 的种子'),
      integer(0),
    );
}

function addRunOptions(command: Command): void {
  command
    .option('--minutes <n>', t('stop after this many minutes', '最多训练多少分钟'), number(0.001))
    .option(
      '--max-steps <n>',
      t('stop when the run has taken this many steps', '训练到第几步为止'),
      integer(1),
    )
    .option('--device <device>', t('auto, cpu, cuda or cuda:N', '设备：auto、cpu、cuda 或 cuda:N'), 'auto')
    .addOption(
      new Option(
        '--precision <format>',
        t(
          'precision of matrix products (default: tf32 on a GPU, fp32 on the CPU)',
          '矩阵乘法的精度（默认 GPU 为 tf32，CPU 为 fp32）',
        ),
      ).choices(['fp32', 'tf32', 'bf16', 'fp16']),
    )
    .option(
      '--no-graph',
      t('do not capture training steps on a GPU as CUDA graphs', '在 GPU 上训练时不使用 CUDA graph'),
    )
    .option(
      '--threads <n>',
      t('CPU threads (default: all usable cores)', 'CPU 线程数（默认为可用核数）'),
      integer(1),
    )
    .option(
      '--out <folder>',
      t('run folder (default: a new one under runs/)', '训练目录（默认在 runs/ 下新建）'),
    )
    .option(
      '--resume',
      t('continue the run in --out (default: the newest run)', '继续 --out 中的训练（默认为最新的一次）'),
    )
    .option(
      '--init <file>',
      t('start from the weights of a .safetensors file', '以 .safetensors 文件中的权重开始训练'),
    )
    .option(
      '--save-every <steps>',
      t('steps between checkpoints', '每隔多少步保存一次检查点'),
      integer(1),
      100,
    )
    .option(
      '--keep <n>',
      t(
        'recent checkpoints to keep besides the best (default: 2)',
        '除最佳检查点外，保留最近几个检查点（默认 2）',
      ),
      integer(1),
    )
    .option(
      '--skip-nonfinite',
      t('skip steps whose loss or gradient is NaN or infinite', '跳过损失或梯度为 NaN 或无穷大的步'),
    )
    .option(
      '--log-every <steps>',
      t(
        'steps between lines where the line cannot be redrawn, and between readings of the loss on a GPU',
        '不能原地刷新时，每隔多少步输出一行；也是在 GPU 上读取损失的间隔',
      ),
      integer(1),
      50,
    )
    .option('--json', t('print one JSON event per line', '每个事件输出一行 JSON'));
}

type Flags = ConfigFlags &
  Readonly<{
    preset: Preset;
    config?: string;
    printConfig?: boolean;
    out?: string;
    resume?: boolean;
    init?: string;
    device: TrainOptions['device'];
    graph: boolean;
    minutes?: number;
    maxSteps?: number;
    saveEvery: number;
    skipNonfinite?: boolean;
    logEvery: number;
    json?: boolean;
  }>;

/** Prints events as JSON to stdout, or reports progress on stderr and prints the run folder to stdout. */
async function runTraining(options: TrainOptions, { json, logEvery, minutes }: Flags): Promise<void> {
  const stop = stopOnSignals();
  onClosedOutput(() => stop.abort());
  const reporter = new Reporter(process.stderr, { logEvery, minutes });
  for await (const event of train({ ...options, signal: stop.signal })) {
    if (json) process.stdout.write(`${JSON.stringify(event)}\n`);
    else if (!isQuiet()) reporter.tell(event);
    if (!json && event.type === 'done' && !process.stdout.isTTY) process.stdout.write(`${event.run}\n`);
  }
}

/** Names and paths of the corpora of a training; none if it cannot be resumed, as `train` then says. */
async function corporaOf({ config = {}, preset, resume, out }: TrainOptions): Promise<string[]> {
  const run = resume ? await readRunConfig(out).catch(() => undefined) : presetConfig(preset ?? 'default');
  return [config.data ?? run?.data ?? [], config.extra ?? run?.extra ?? []].flat();
}

async function runOptions(
  flags: Flags,
  { preset = 'default', config }: Configuration,
): Promise<TrainOptions> {
  const corpus = config.data ?? presetConfig(preset).data;
  return {
    out: flags.out ?? (flags.resume ? await newestRunFolder() : newRunFolder(corpus, preset)),
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
  };
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

/** The first Ctrl-C, SIGTERM or SIGHUP stops after the step in progress, the second one at once. */
function stopOnSignals(): AbortController {
  const controller = new AbortController();
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = performance.now();
      process.stderr.write(
        t(
          '\nStopping after this step. Press Ctrl-C again to quit at once.\n',
          '\n完成这一步后停止。再按一次 Ctrl-C 立即退出。\n',
        ),
      );
      process.exitCode = 128 + constants.signals[signal];
      controller.abort();
    } else if (performance.now() - first > MILLISECONDS_BETWEEN_SIGNALS) {
      process.kill(process.pid, 'SIGKILL'); // does not wait for the step in progress
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return controller;
}
