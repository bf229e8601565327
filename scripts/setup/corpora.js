// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { cacheRoot, checkRoom, withFolderBeside } = require('./cache');
const { acquire } = require('./lock');
const { run } = require('./run');
const { Stop, say, tilde } = require('./say');

/** The source of the built-in corpora; as in lib/data/corpus-source.ts. */
const NAME = 'chinese-poetry';
const VERSION = '2.0.1';
const INTEGRITY =
  'sha512-KtYARvV7CWNtax0na9+Jn6PlhGgSoid7PWyDzXI4KsCEm2odZcqEQyval5koaLygZnM/EQ3lfJ//25K8p3uHNg==';
/** Half of the package. */
const UNUSED = ['rank', 'strains'];
const ROOM = 0.5e9;

/** Where it is put. */
function corporaFolder() {
  return path.join(cacheRoot(), `${NAME}-${VERSION}`);
}

/** Downloads the source of the built-in corpora into the cache, unless it is there. */
async function fetchCorpora() {
  const target = corporaFolder();
  const isThere = () => fs.existsSync(path.join(target, 'node_modules', NAME, 'package.json'));
  if (isThere()) return;
  fs.mkdirSync(cacheRoot(), { recursive: true });
  const lock = await acquire(`${target}.lock`, `downloading the corpora to ${tilde(target)}`);
  try {
    if (isThere()) return;
    checkRoom(
      target,
      ROOM,
      'downloading the corpora',
      'Free some space, or set XDG_CACHE_HOME to another folder.',
    );
    say(`downloading the corpora: ${NAME} ${VERSION}`);
    await withFolderBeside(target, async (beside) => {
      await install(beside, lock);
      for (const part of UNUSED)
        fs.rmSync(path.join(beside, 'node_modules', NAME, 'dist', part), { recursive: true, force: true });
      fs.rmSync(target, { recursive: true, force: true }); // incomplete
      fs.renameSync(beside, target);
    });
  } finally {
    lock.release();
  }
}

/**
 * By npm, whose configuration counts: its registry, its proxy, its cache.
 * @param {string} folder
 * @param {import('./lock').Lock} lock
 */
async function install(folder, lock) {
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const args = ['install', `${NAME}@${VERSION}`, '--ignore-scripts', '--no-audit', '--no-fund'];
  args.push('--no-dry-run', '--no-global', '--no-update-notifier', '--prefix', folder);
  const { ok, lines } = await run('npm', args, { cwd: folder, lock });
  const reasons = lines.filter((line) => line.trim()).slice(0, 15);
  if (!ok) throw new Stop(`${NAME} could not be downloaded:`, ...reasons);
  const installed = JSON.parse(fs.readFileSync(path.join(folder, 'node_modules/.package-lock.json'), 'utf8'));
  const { integrity } = installed.packages[`node_modules/${NAME}`];
  if (integrity !== INTEGRITY)
    throw new Stop(`the ${NAME} ${VERSION} that npm downloaded is not the expected one: ${integrity}`);
}

module.exports = { corporaFolder, fetchCorpora };
