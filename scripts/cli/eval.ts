import type { Command } from 'commander';
import {
  type Evaluation,
  evaluate,
  type FormMetrics,
  loadPoems,
  Model,
  measureForms,
  type PoemMetrics,
  type Poems,
  TangshiError,
} from '../../lib';
import type { CorpusFormat } from '../../lib/data/corpus-format';
import { isUsableWith } from '../../lib/data/dataset';
import type { Encoding } from '../../lib/data/encoding';
import { distinctiveLines } from '../../lib/data/line-filter';
import { type Heading, TEXTS } from '../../lib/data/poems';
import { prefaceOf, wholePreface } from '../../lib/data/preface';
import { usableCpus } from '../../lib/util/cpus';
import { omitUndefined } from '../../lib/util/omit-undefined';
import { integer, list, newCommand } from './command';
import { ensureCorpora } from './corpora';
import { encodingOption, formatOption } from './corpus-options';
import { modelHelp, modelOrDefault } from './default-model';
import { t } from './language';
import { note } from './messages';
import { ensureTrainingAddon } from './training-addon';

/** `tangshi eval`. */
export function evalCommand(): Command {
  return newCommand('eval')
    .description(
      t(
        'Measure how well a model predicts poems (NLL in nats per character, perplexity), and how well its own poems follow ' +
          'the rules of the fixed forms.',
        '评估模型：预测诗句的准确程度（每字的 NLL，单位 nat；困惑度），以及它写的近体诗是否合乎格律。',
      ),
    )
    .option('--model <path>', modelHelp())
    .option(
      '--data <corpus>',
      t(
        'a built-in corpus, or the path of a file (default: the training corpus)',
        '内置语料，或文件路径（默认为训练所用的语料）',
      ),
    )
    .addOption(formatOption())
    .addOption(encodingOption())
    .option(
      '--extra <corpus>',
      t(
        'another corpus in which to find copied lines (can be repeated)',
        '再加一份语料，用来查找照抄的句子（可多次使用）',
      ),
      list,
    )
    .option('--held-out', t('use only the poems held out from training', '只用留出集（没有参与训练的诗）'))
    .option(
      '--poems <n>',
      t('poems to generate and measure in each fixed form', '每种近体诗写多少首用于统计'),
      integer(0, 1000),
      100,
    )
    .option('--seed <n>', t('seed of these poems', '这些诗的种子'), integer(0), 1)
    .option('--device <device>', t('auto, cpu, cuda or cuda:N', '设备：auto、cpu、cuda 或 cuda:N'), 'cpu')
    .option(
      '--threads <n>',
      t('CPU threads (default: all usable cores)', 'CPU 线程数（默认为可用核数）'),
      integer(1, 1024),
    )
    .option('--json', t('print one JSON object', '输出一个 JSON 对象'))
    .action(async (flags) => {
      const { device, threads = usableCpus() } = flags;
      if (device !== 'cpu' && device !== 'auto') ensureTrainingAddon();
      const model = await Model.load(await modelOrDefault(flags.model), { device, threads });
      try {
        const result = await measure(model, flags);
        process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : toText(result));
      } finally {
        await model.dispose();
      }
    });
}

type Flags = Readonly<{
  data?: string;
  format?: CorpusFormat;
  encoding?: Encoding;
  extra?: readonly string[];
  heldOut?: boolean;
  poems: number;
  seed: number;
}>;

type Result = Evaluation &
  Readonly<{
    model: string | undefined;
    data: string;
    split: 'held-out' | 'all';
    poems: number;
    /** Share of the characters that the vocabulary lacks. */
    unknown: number;
    /** Poems with characters outside a vocabulary without UNK. */
    skipped: number;
    /** Evaluation on the held-out poems that share no line with a training poem. */
    unseen?: Evaluation & Readonly<{ poems: number }>;
    /** Evaluation given titles and genres, if the model has learned these. */
    withTitles?: Evaluation;
    forms: readonly FormMetrics[];
  }>;

async function measure(model: Model, flags: Flags): Promise<Result> {
  const { config } = model;
  const own = flags.data === undefined ? [config.data, ...(config.extra ?? [])] : [flags.data];
  await ensureCorpora([...own, ...(flags.extra ?? [])]);
  const { heldOut = false, poems: count, seed } = flags;
  const corpus = await loadCorpus(model, flags);
  const poems = heldOut ? corpus.heldOut : corpus.train;
  if (poems.length === 0) {
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      `No poem of ${corpus.name} is held out from training: omit --held-out`,
    );
  }
  note(
    t(
      `Evaluating ${poems.length} poems of ${corpus.name}, then writing ${count} in each form`,
      `正在评估 ${corpus.name} 的 ${poems.length} 首诗，然后每种体裁写 ${count} 首`,
    ),
  );
  const evaluation = await evaluateTexts(model, poems);
  const withTitles = await evaluateWithTitles(model, corpus, poems);
  // More corpora are for finding copies: they do not change which poems are evaluated.
  const all = flags.extra ? await loadCorpus(model, flags, flags.extra) : corpus;
  const unseen = heldOut ? await evaluateUnseen(model, all) : undefined;
  const texts = [...all.train, ...all.heldOut];
  return omitUndefined({
    model: model.path,
    data: corpus.name,
    split: heldOut ? 'held-out' : 'all',
    poems: poems.length,
    unknown: unknownShare(model, poems),
    skipped: corpus.tally.rejected.vocabulary,
    ...evaluation,
    unseen,
    withTitles,
    forms: count > 0 ? await measureForms(model, texts, { count, seed }) : [],
  });
}

async function loadCorpus(
  { config, vocab }: Model,
  { data, format, encoding, heldOut }: Flags,
  extra: readonly string[] = [],
): Promise<Poems> {
  if (data === undefined && config.data === TEXTS) {
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      'The model was trained on texts given to train(): choose a corpus with --data',
    );
  }
  if (data === undefined && (format !== undefined || encoding !== undefined)) {
    const option = format === undefined ? 'encoding' : 'format';
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', `${option} needs data`, { option });
  }
  const own = data === undefined ? config : { ...config, data, format, encoding, extra: undefined };
  return loadPoems(
    { ...own, extra: [...(own.extra ?? []), ...extra], heldOut: heldOut ? config.heldOut : 0 },
    isUsableWith(vocab),
  );
}

function evaluateTexts(model: Model, poems: readonly string[]): Promise<Evaluation> {
  return evaluate(
    model,
    poems.map((poem) => model.vocab.encodePoem(poem)),
  );
}

async function evaluateWithTitles(
  model: Model,
  { headings }: Poems,
  poems: readonly string[],
): Promise<Evaluation | undefined> {
  const { vocab } = model;
  const known = vocab.control('title') !== undefined;
  if (!known || !poems.some((poem) => headings?.get(poem)?.title)) return undefined;
  const prefaces = poems.map((poem) => wholePreface(prefaceOf(vocab, headings?.get(poem) as Heading)));
  return evaluate(
    model,
    poems.map((poem) => vocab.encodePoem(poem)),
    { prefaces },
  );
}

function unknownShare({ vocab }: Model, poems: readonly string[]): number {
  let [characters, unknown] = [0, 0];
  for (const poem of poems) {
    for (const char of poem) {
      characters++;
      if (!vocab.has(char)) unknown++;
    }
  }
  return unknown / characters;
}

/** An anthology may contain a poem twice with variants, of which one is held out and one is not. */
async function evaluateUnseen(model: Model, { train, heldOut }: Poems): Promise<Result['unseen']> {
  const seen = new Set(train.flatMap(distinctiveLines));
  const poems = heldOut.filter((poem) => !distinctiveLines(poem).some((line) => seen.has(line)));
  return poems.length === 0 ? undefined : { poems: poems.length, ...(await evaluateTexts(model, poems)) };
}

function toText(result: Result): string {
  const { model, data, split, poems, unknown, skipped, unseen, withTitles, forms } = result;
  const without = skipped > 0 ? `, ${skipped} skipped for unknown characters` : '';
  return (
    `${data} (${split}, ${poems} poems${without}) by ${model}\n` +
    `${evaluationText(result)}  unknown characters ${(unknown * 100).toFixed(2)}%\n` +
    (unseen
      ? `${evaluationText(unseen)} for the ${unseen.poems} poems that share no line with a training poem\n`
      : '') +
    (withTitles ? `${evaluationText(withTitles)} given titles and genres\n` : '') +
    tableOf(forms)
  );
}

function evaluationText({ nll, perplexity, tokens }: Evaluation): string {
  return `nll ${nll.toFixed(4)}  perplexity ${perplexity.toFixed(2)}  tokens ${tokens}`;
}

const COLUMNS: readonly (readonly [keyof PoemMetrics, string])[] = [
  ['form', 'form'],
  ['rhyme', 'rhyme'],
  ['tone', 'tone'],
  ['distinct1', 'dist-1'],
  ['distinct2', 'dist-2'],
  ['repeated', 'repeat'],
  ['repeatedLines', 'same line'],
  ['copiedLines', 'copied'],
  ['longestCopy', 'longest'],
];

/** Fractions of 1, except for the longest copy, which is in characters. */
function tableOf(forms: readonly FormMetrics[]): string {
  if (forms.length === 0) return '';
  const rows = forms.flatMap(({ form, model, real, random }) =>
    Object.entries({ model, real, random }).map(([who, metrics]) => {
      const cells = COLUMNS.map(([key]) =>
        key === 'longestCopy' ? String(metrics[key]) : metrics[key].toFixed(3),
      );
      return [form, who.padEnd(6), String(metrics.poems), ...cells];
    }),
  );
  const header = ['    ', '      ', 'poems', ...COLUMNS.map(([, name]) => name)];
  return [header, ...rows].map((row) => `${row.map((cell) => cell.padStart(6)).join('  ')}\n`).join('');
}
