import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { readCheckpoint, TangshiError, writeModel } from '../../lib';
import { findCheckpoint } from '../../lib/model/model-files';
import { newCommand } from './command';
import { modelHelp, modelOrDefault } from './default-model';
import { t } from './language';
import { note } from './messages';

/** `tangshi export`. */
export function exportCommand(): Command {
  return newCommand('export', 'FILE')
    .description(
      t(
        'Export a trained model to a small file for generating poems: weights in half precision, without the state that ' +
          'training needs. It has a quarter to a sixth of the size of the checkpoint.',
        '把训练好的模型导出为小文件，供写诗使用：权重为半精度，不含训练状态，大小是检查点的 1/6 到 1/4。',
      ),
    )
    .argument('<file>', t('the .safetensors file to write', '输出的 .safetensors 文件'))
    .option('--model <path>', modelHelp())
    .action(async (file: string, { model }) => {
      requireNewFile(file);
      const path = await findCheckpoint(await modelOrDefault(model));
      await writeModel(file, await readCheckpoint(path));
      note(
        t(
          `${file}: ${await megabytes(file)}, from ${path} of ${await megabytes(path)}`,
          `${file}：${await megabytes(file)}，由 ${path}（${await megabytes(path)}）导出`,
        ),
      );
    });
}

async function megabytes(path: string): Promise<string> {
  return `${((await stat(path)).size / 1e6).toFixed(1)} MB`;
}

function requireNewFile(file: string): void {
  if (!file.endsWith('.safetensors'))
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', `The name of a model ends in .safetensors: ${file}`);
  if (existsSync(file))
    throw new TangshiError('ERR_TANGSHI_INVALID_ARG', `${file} already exists: choose another name`);
}
