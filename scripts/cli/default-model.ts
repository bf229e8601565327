import { BUNDLED_MODEL } from '../../lib';
import { newestRun } from '../../lib/train/run-folder';

/** For `--help`. */
export const MODEL_HELP =
  'a checkpoint or a run folder (default: the newest run under runs/, else the bundled model)';

/** The model that a command uses: the given one, else the newest run, else the bundled model. */
export async function modelOrDefault(path: string | undefined): Promise<string> {
  return path ?? (await newestRun(['best'])) ?? (await newestRun(['last'])) ?? BUNDLED_MODEL;
}
