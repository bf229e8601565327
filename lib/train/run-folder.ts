import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkConfig, type RunConfig } from '../config/schemas';
import { checkpointFiles } from '../model/model-files';
import { diskError, readBytes, writeWhole } from '../util/disk';
import { TangshiError } from '../util/errors';

/** Default folder for runs of the commands. */
export const RUNS = 'runs';

/** The files of a run folder. */
export const runFiles = (folder: string) => ({
  ...checkpointFiles(folder),
  config: join(folder, 'config.json'),
  metrics: join(folder, 'metrics.jsonl'),
  lock: join(folder, 'lock'),
});

/**
 * A folder name for a new run, which sorts by time: `runs/20240131-120000-poems-default-3f9a2c`. The end is random: runs may
 * start in the same second.
 */
export function newRunFolder(corpus: string, preset: string, now = new Date()): string {
  const time = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const name = corpus.replace(/^.*[\\/]/, '').replace(/[^\p{L}\p{N}]+/gu, '-');
  return join(RUNS, `${time}-${name}-${preset}-${randomBytes(3).toString('hex')}`);
}

/** Whether a folder contains a run. */
function hasRun(folder: string): boolean {
  const { last, config } = runFiles(folder);
  return existsSync(last) || existsSync(config);
}

/** @throws ERR_TANGSHI_RUN if the folder already contains a run, or is a file. */
export function requireNoRun(folder: string): void {
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw new TangshiError('ERR_TANGSHI_RUN', `${folder} is not a folder: choose another path for out`, {
      option: 'out',
    });
  }
  if (!hasRun(folder)) return;
  throw new TangshiError(
    'ERR_TANGSHI_RUN',
    `${folder} already contains a run: set resume to continue it, or choose another folder with out`,
    { option: 'resume' },
  );
}

/** @throws ERR_TANGSHI_RUN if the folder contains no run. */
export function requireRun(folder: string): void {
  if (hasRun(folder)) return;
  throw new TangshiError('ERR_TANGSHI_RUN', `${folder} contains no run to resume: omit resume to start one`, {
    option: 'resume',
  });
}

/** @throws ERR_TANGSHI_IO */
export async function makeRunFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
  } catch (error) {
    throw diskError('write', folder, error);
  }
}

/** Node's recursive mkdir loops forever if mkdir fails with ENOENT in an existing folder, such as /proc. */
async function makeFolders(folder: string): Promise<void> {
  const make = () =>
    mkdir(folder).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw error;
    });
  try {
    await make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolders(dirname(folder));
    await make();
  }
}

/** @throws ERR_TANGSHI_IO */
export async function writeRunConfig(folder: string, config: RunConfig): Promise<void> {
  await writeWhole(runFiles(folder).config, [Buffer.from(`${JSON.stringify(config, null, 2)}\n`)]);
}

/**
 * The configuration that a run was started with.
 *
 * @throws ERR_TANGSHI_IO, ERR_TANGSHI_RUN
 */
export async function readRunConfig(folder: string): Promise<RunConfig> {
  const path = runFiles(folder).config;
  const text = (await readBytes(path)).toString();
  try {
    return checkConfig(JSON.parse(text));
  } catch (error) {
    const { message } = error as Error;
    throw new TangshiError('ERR_TANGSHI_RUN', `${path} is damaged: ${message}`, { cause: error });
  }
}

/** The run under `runs/` that most recently wrote one of these files; undefined if there is none. */
export async function newestRun(names: readonly ('config' | 'last' | 'best')[]): Promise<string | undefined> {
  const entries = await readdir(RUNS, { withFileTypes: true }).catch(() => []);
  let newest: { folder: string; time: number } | undefined;
  for (const entry of entries) {
    const folder = join(RUNS, entry.name);
    for (const name of names) {
      const time = await modifiedTime(runFiles(folder)[name]);
      if (time !== undefined && time > (newest?.time ?? 0)) newest = { folder, time };
    }
  }
  return newest?.folder;
}

/** Milliseconds since 1970; undefined if the file does not exist. */
function modifiedTime(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}
