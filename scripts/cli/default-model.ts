import { BUNDLED_MODEL } from '../../lib';
import { readProgress } from '../../lib/model/checkpoint';
import { checkpointFiles } from '../../lib/model/model-files';
import { newestRun } from '../../lib/train/run-folder';
import { quoted } from './command';
import { t } from './language';
import { note } from './messages';

/** For `--help`. */
export function modelHelp(): string {
  return t(
    'a checkpoint or a run folder (default: the newest run under runs/, otherwise the bundled model)',
    '检查点或训练目录（默认为 runs/ 下最新的一次训练，没有则用自带的模型）',
  );
}

/** The model that a command uses: the given one, else the newest run, else the bundled model. */
export async function modelOrDefault(path: string | undefined): Promise<string> {
  const model = path ?? (await newestRun(['best', 'last'])) ?? BUNDLED_MODEL;
  await warnIfStale(model);
  return model;
}

/** After Ctrl-C in the middle of an epoch, `last` was not evaluated, and `best` may be from a much earlier step. */
async function warnIfStale(run: string): Promise<void> {
  const files = checkpointFiles(run);
  const [best, last] = await Promise.all([readProgress(files.best), readProgress(files.last)]);
  if (!best || !last || best.step >= last.step || last.cursor.step === 0) return;
  note(
    t(
      `Note: ${files.best} (step ${best.step}) is older than ${files.last} (step ${last.step}). ` +
        `To use the latter: --model ${quoted(files.last)}`,
      `注意：${files.best}（第 ${best.step} 步）早于 ${files.last}（第 ${last.step} 步）。要用后者，请加 --model ${quoted(files.last)}`,
    ),
  );
}
