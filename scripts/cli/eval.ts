import { Option } from 'commander';
import {
  type Dataset,
  type Evaluation,
  evaluate,
  type FormMeasures,
  loadDataset,
  loadModel,
  type Measures,
  type Model,
  measureForms,
  TangshiError,
} from '../../lib';
import { tellingLines } from '../../lib/data/line-filter';
import { integer, list, newCommand, run } from './command';

const command = newCommand('eval')
  .description('How well a model foretells poems: NLL in nats a character, perplexity, characters.')
  .option(
    '--model <path>',
    'a checkpoint or a run folder (default: the newest run, else the model in the box)',
  )
  .option('--data <corpus>', 'a built-in corpus or the path of a file (default: what the model learned from)')
  .addOption(new Option('--format <format>', 'of the file').choices(['titled', 'lines', 'json']))
  .option('--extra <corpus>', 'one more in which copied lines are looked for (can be repeated)', list)
  .option('--held-out', 'only the poems that training leaves aside')
  .option('--poems <n>', 'of each fixed form are written and measured; 0 for none', integer(0, 1000), 100)
  .option('--seed <n>', 'of these poems', integer(0), 1)
  .option('--device <device>', 'auto, cpu, cuda or cuda:N', 'cpu')
  .option('--json', 'one JSON object')
  .action(async ({ model: path, data, extra, format, heldOut, poems: count, seed, device, json }) => {
    const model = await loadModel(path, { device });
    try {
      const { config, vocab } = model;
      const source = {
        ...config,
        ...(data !== undefined && { data, format, extra: undefined }),
        ...(extra && { extra: [...(data === undefined ? (config.extra ?? []) : []), ...extra] }),
      };
      const share = heldOut ? config.heldOut : 0;
      const dataset = await loadDataset({ ...source, heldOut: share, vocab });
      const poems = heldOut ? dataset.heldOut : dataset.train;
      if (poems.length === 0) {
        throw new TangshiError(
          'ECORPUS',
          `None of the poems of ${dataset.name} is among those that training leaves aside: leave --held-out away`,
        );
      }
      const result = await evaluate(model.session, poems);
      const text = (ids: Int32Array) => vocab.decode(ids.subarray(1, -1));
      const unseen = heldOut ? await evaluateUnseen(model, dataset, text) : undefined;
      const split = heldOut ? 'held-out' : 'all';
      const skipped = dataset.tally.rejected.vocabulary;
      const facts = { model: model.path, data: dataset.name, split, poems: poems.length, skipped };
      const corpus = [...dataset.train, ...dataset.heldOut].map(text);
      const forms = count > 0 ? await measureForms(model, corpus, { count, seed }) : [];
      const all = { ...facts, ...result, ...(unseen && { unseen }), forms };
      process.stdout.write(json ? `${JSON.stringify(all)}\n` : report(all) + formsText(forms));
    } finally {
      await model.dispose();
    }
  });

type Result = Evaluation & {
  model: string;
  data: string;
  split: string;
  poems: number;
  skipped: number;
  unseen?: Evaluation & { poems: number };
};

/** An anthology has some poems twice, with other words here and there: of these one may be held out and one not. */
async function evaluateUnseen(
  { session }: Model,
  { train, heldOut }: Dataset,
  text: (ids: Int32Array) => string,
): Promise<Result['unseen']> {
  const seen = new Set(train.flatMap((ids) => tellingLines(text(ids))));
  const poems = heldOut.filter((ids) => !tellingLines(text(ids)).some((line) => seen.has(line)));
  return poems.length === 0 ? undefined : { poems: poems.length, ...(await evaluate(session, poems)) };
}

function report({ model, data, split, poems, skipped, unseen, ...result }: Result): string {
  const without = skipped > 0 ? `, ${skipped} skipped for characters that it does not know` : '';
  return (
    `${data} (${split}, ${poems} poems${without}) by ${model}\n` +
    `${figures(result)}\n` +
    (unseen ? `${figures(unseen)} of the ${unseen.poems} that share no line with a training poem\n` : '')
  );
}

function figures({ nll, perplexity, tokens }: Evaluation): string {
  return `nll ${nll.toFixed(4)}  perplexity ${perplexity.toFixed(2)}  tokens ${tokens}`;
}

const COLUMNS: readonly (readonly [keyof Measures, string])[] = [
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

/** Shares of 1, but for the longest copy, which is in characters. */
function formsText(forms: readonly FormMeasures[]): string {
  if (forms.length === 0) return '';
  const rows = forms.flatMap(({ form, model, real, random }) =>
    Object.entries({ model, real, random }).map(([who, measures]) => {
      const cells = COLUMNS.map(([key]) =>
        key === 'longestCopy' ? String(measures[key]) : measures[key].toFixed(3),
      );
      return [form, who.padEnd(6), String(measures.poems), ...cells];
    }),
  );
  const header = ['    ', '      ', 'poems', ...COLUMNS.map(([, name]) => name)];
  return [header, ...rows].map((row) => `${row.map((cell) => cell.padStart(6)).join('  ')}\n`).join('');
}

run(command);
