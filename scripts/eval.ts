import { Command, Option } from 'commander';
import { evaluate, loadDataset, loadModel } from '../lib';
import { run } from './cli';

const command = new Command('eval')
  .usage('-- [options]')
  .description('How well a model foretells poems: NLL in nats a character, perplexity, characters.')
  .option('--model <path>', 'a checkpoint or a run folder (default: the newest run)')
  .option('--data <corpus>', 'poems, tangshi, or the path of a file (default: what the model learned from)')
  .addOption(new Option('--format <format>', 'of the file').choices(['titled', 'lines', 'json']))
  .option('--held-out', 'only the poems that training leaves aside')
  .option('--device <device>', 'auto, cpu, cuda or cuda:N', 'auto')
  .option('--json', 'one JSON object')
  .action(async ({ model: path, data, format, heldOut, device, json }) => {
    const model = await loadModel(path, { device });
    try {
      const { config, vocab } = model;
      const corpus = data === undefined ? config : { ...config, data, format };
      const dataset = await loadDataset({ ...corpus, vocab });
      const poems = heldOut ? dataset.heldOut : [...dataset.train, ...dataset.heldOut];
      const result = await evaluate(model.session, poems);
      const facts = {
        model: model.path,
        data: dataset.name,
        split: heldOut ? 'held-out' : 'all',
        poems: poems.length,
      };
      if (json) process.stdout.write(`${JSON.stringify({ ...facts, ...result })}\n`);
      else {
        process.stdout.write(
          `${facts.data} (${facts.split}, ${facts.poems} poems) by ${facts.model}\n` +
            `nll ${result.nll.toFixed(4)}  perplexity ${result.perplexity.toFixed(2)}  tokens ${result.tokens}\n`,
        );
      }
    } finally {
      await model.dispose();
    }
  });

run(command);
