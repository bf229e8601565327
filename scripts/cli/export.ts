import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { readCheckpoint, TangshiError, writeModel } from '../../lib';
import { findCheckpoint } from '../../lib/model/model-files';
import { newCommand, run } from './command';
import { MODEL_HELP, modelOrDefault } from './default-model';

const command = newCommand('export', 'FILE')
  .description(
    'Exports a trained model to a small file for generating poems: weights in half precision, without the state that\n' +
      'training needs. It has a quarter to a sixth of the size of the checkpoint.',
  )
  .argument('<file>', 'the .safetensors file to write')
  .option('--model <path>', MODEL_HELP)
  .action(async (file: string, { model }) => {
    requireNewFile(file);
    const path = await findCheckpoint(await modelOrDefault(model));
    await writeModel(file, await readCheckpoint(path));
    process.stdout.write(`${file}: ${await megabytes(file)}, from ${path} of ${await megabytes(path)}\n`);
  });

async function megabytes(path: string): Promise<string> {
  return `${((await stat(path)).size / 1e6).toFixed(1)} MB`;
}

function requireNewFile(file: string): void {
  if (!file.endsWith('.safetensors'))
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', `The name of a model ends in .safetensors: ${file}`);
  if (existsSync(file))
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', `${file} already exists: choose another name`);
}

run(command);
