import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { isBuiltinCorpus, TangshiError } from '../../lib';
import { isAvailable } from '../../lib/data/builtin-corpora';
import { ROOT } from '../../lib/util/package-root';
import { t } from './language';
import { note } from './messages';

/**
 * Fetches the source of the built-in corpora, if one of these is missing. It says what it does on stderr.
 *
 * @param corpora Names and paths.
 * @throws ERR_TANGSHI_CORPUS if it cannot be fetched.
 */
export async function ensureCorpora(corpora: readonly string[]): Promise<void> {
  const available = await Promise.all(corpora.filter(isBuiltinCorpus).map(isAvailable));
  if (available.every(Boolean) || process.platform === 'win32') return; // there, the error says what to install
  note(
    t(
      'The corpora are made from the package chinese-poetry. It is downloaded now, once: about 85 MB',
      '语料由 chinese-poetry 包生成，现在下载（仅此一次，约 85 MB）',
    ),
  );
  const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts/setup/setup.js'), '--corpora'], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0)
    throw new TangshiError(
      'ERR_TANGSHI_CORPUS',
      'The source of the corpora could not be downloaded: see above, then run the same command again',
    );
}
