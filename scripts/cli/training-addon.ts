import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { TangshiError } from '../../lib';
import { hasTrainingAddon } from '../../lib/native/addon';
import { commandLine, ROOT } from '../../lib/util/package-root';
import { t } from './language';
import { note } from './messages';

/**
 * Builds the addon for training and GPUs, if that is still to be done. It says what it does on stderr.
 *
 * @throws ERR_TANGSHI_ADDON if it cannot be built.
 */
export function ensureTrainingAddon(): void {
  if (hasTrainingAddon()) return;
  note(
    t(
      'Training and GPUs need libtorch and an addon of their own. They are installed now, once: about 200 MB and two minutes',
      '训练和 GPU 需要 libtorch 和单独的插件，现在安装（仅此一次，约 200 MB，两分钟）',
    ),
  );
  const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts/setup/setup.js')], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0)
    throw new TangshiError(
      'ERR_TANGSHI_ADDON',
      `The native addon for training and GPUs could not be built: see above, then run ${commandLine('setup')}`,
    );
}
