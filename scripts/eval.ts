import { Command, Option } from 'commander';
import { type Evaluation, evaluate, loadDataset, loadModel, TangshiError } from '../lib';
import { run } from './cli';

const command = new Command('eval')
  .usage('-- [options]')
  .description('How well a model foretells poems: NLL in nats a character, perplexity, characters.')
  .option('--model <path>', 'a checkpoint or a run folder (default: the newest run)')
  .option('--data <corpus>', 'poems, tangshi, or the path of a file (default: what the model learned from)')
  .addOption(new Option('--format <format>', 'of the file').choices(['titled', 'lines', 'json']))
  .option('--held-out', 'only the poems that training leaves aside')
  .option('--device <device>', 'auto, cpu, cuda or cuda:N', 'cpu')
  .option('--json', 'one JSON object')
  .action(async ({ model: path, data, format, heldOut, device, json }) => {
    const model = await loadModel(path, { device });
    try {
      const { config, vocab } = model;
      const corpus = data === undefined ? config : { ...config, data, format };
      const share = heldOut ? config.heldOut : 0;
      const dataset = await loadDataset({ ...corpus, heldOut: share, vocab });
      const poems = heldOut ? dataset.heldOut : dataset.train;
      if (poems.length === 0) {
        throw new TangshiError(
          'ECORPUS',
          `None of the poems of ${dataset.name} is among those that training leaves aside: leave --held-out away`,
        );
      }
      const result = await evaluate(model.session, poems);
      const split = heldOut ? 'held-out' : 'all';
      const skipped = dataset.tally.rejected.vocabulary;
      const facts = { model: model.path, data: dataset.name, split, poems: poems.length, skipped };
      process.stdout.write(
        json ? `${JSON.stringify({ ...facts, ...result })}\n` : report({ ...facts, ...result }),
      );
    } finally {
      await model.dispose();
    }
  });

type Result = Evaluation & { model: string; data: string; split: string; poems: number; skipped: number };

function report({ model, data, split, poems, skipped, nll, perplexity, tokens }: Result): string {
  const without = skipped > 0 ? `, ${skipped} skipped for characters that it does not know` : '';
  return (
    `${data} (${split}, ${poems} poems${without}) by ${model}\n` +
    `nll ${nll.toFixed(4)}  perplexity ${perplexity.toFixed(2)}  tokens ${tokens}\n`
  );
}

run(command);
