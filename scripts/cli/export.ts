import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { readCheckpoint, TangshiError, writeModel } from '../../lib';
import { findCheckpoint } from '../../lib/model/model';
import { newCommand, run } from './command';

const command = newCommand('export', 'FILE')
  .description(
    'Makes a file of a trained model that writes poems as the model does, and is a sixth of its size: weights in half\n' +
      'precision, without what training needs.',
  )
  .argument('<file>', 'to be written: a .safetensors')
  .option(
    '--model <path>',
    'a checkpoint or a run folder (default: the newest run, else the model in the box)',
  )
  .action(async (file: string, { model }) => {
    refuseOther(file);
    const path = await findCheckpoint(model);
    await writeModel(file, await readCheckpoint(path));
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
    const [before, after] = [(await stat(path)).size, (await stat(file)).size].map(megabytes);
    process.stdout.write(`${file}: ${after}, from ${path} of ${before}\n`);
  });

/** What is written over is gone. */
function refuseOther(file: string): void {
  if (!file.endsWith('.safetensors'))
    throw new TangshiError('EARG', `${file} must end in .safetensors, as models do`);
  if (existsSync(file))
    throw new TangshiError('EARG', `${file} is there already: name another, or remove it`);
}

run(command);
