import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type Command, Option } from 'commander';
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
        'Export a trained model to a small file for generating poems: weights of 16 or 8 bits, without the state that ' +
          'training needs. With 16 bits it has a quarter to a sixth of the size of the checkpoint.',
        '把训练好的模型导出为小文件，供写诗使用：权重为 16 位或 8 位，不含训练状态，16 位时大小是检查点的 1/6 到 1/4。',
      ),
    )
    .argument('<file>', t('the .safetensors file to write', '输出的 .safetensors 文件'))
    .option('--model <path>', modelHelp())
    .addOption(
      new Option(
        '--bits <n>',
        t('size of a weight: 8 halves the file (default: 16)', '每个权重的位数：8 使文件减半（默认 16）'),
      ).choices(['8', '16']),
    )
    .action(async (file: string, { model, bits }) => {
      requireNewFile(file);
      const path = await findCheckpoint(await modelOrDefault(model));
      await writeModel(file, await readCheckpoint(path), { bits: bits === '8' ? 8 : 16 });
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
