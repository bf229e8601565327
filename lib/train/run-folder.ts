import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkConfig, type RunConfig } from '../config/schemas';
import { diskError, writeWhole } from '../util/disk';
import { TangshiError } from '../util/errors';

/** Where runs live when no folder is named. */
export const RUNS = 'runs';

/** The files of a run. */
export const runFiles = (folder: string) => ({
  config: join(folder, 'config.json'),
  metrics: join(folder, 'metrics.jsonl'),
  last: join(folder, 'last.safetensors'),
  best: join(folder, 'best.safetensors'),
  lock: join(folder, 'lock'),
});

/** A folder name for a new run: sorts by time, says what it is. */
export function newRunFolder({ data, preset }: RunConfig, now = new Date()): string {
  const time = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const corpus = data.replace(/^.*[\\/]/, '').replace(/[^\p{L}\p{N}]+/gu, '-');
  return join(RUNS, `${time}-${corpus}-${preset}`);
}

/** @throws ERUN when a run is already there. */
export function refuseExistingRun(folder: string): void {
  const files = runFiles(folder);
  if (existsSync(files.last) || existsSync(files.config)) {
    throw new TangshiError(
      'ERUN',
      `${folder} already holds a run: go on with --resume --out ${folder}, or choose another folder with --out`,
    );
  }
}

/** @throws EIO */
export async function makeRunFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
  } catch (error) {
    throw diskError('write', folder, error);
  }
}

/** Node's own recursive mkdir goes round for ever where a folder refuses new ones with ENOENT, as /proc does. */
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

export async function writeRunConfig(folder: string, config: RunConfig): Promise<void> {
  await writeWhole(runFiles(folder).config, [Buffer.from(`${JSON.stringify(config, null, 2)}\n`)]);
}

/** @throws ERUN when no run is there to go on with. */
export function requireRun(folder: string): void {
  const files = runFiles(folder);
  if (existsSync(files.last) || existsSync(files.config)) return;
  throw new TangshiError('ERUN', `${folder} holds no run to go on with: leave --resume away to start one`);
}

/** The configuration that a run was started with. */
export async function readRunConfig(folder: string): Promise<RunConfig> {
  const path = runFiles(folder).config;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw diskError('read', path, error);
  }
  try {
    return checkConfig(JSON.parse(text));
  } catch (error) {
    throw new TangshiError('ERUN', `${path} is damaged: ${(error as Error).message}`, { cause: error });
  }
}

/** The run that wrote one of these files last; undefined when none did. */
export async function newestRun(names: readonly ('config' | 'last' | 'best')[]): Promise<string | undefined> {
  const entries = await readdir(RUNS, { withFileTypes: true }).catch(() => []);
  let newest: { folder: string; time: number } | undefined;
  for (const entry of entries) {
    const folder = join(RUNS, entry.name);
    for (const name of names) {
      const time = await stat(runFiles(folder)[name]).then(
        ({ mtimeMs }) => mtimeMs,
        () => Number.NEGATIVE_INFINITY, // not a run, or not so far yet
      );
      if (time > (newest?.time ?? 0)) newest = { folder, time };
    }
  }
  return newest?.folder;
}

/** One JSON object a line, in the order of the events. */
export class Metrics {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Opens the file to go on after `step`: later lines, which a resumed run writes again, are dropped. */
  static async open(path: string, step: number): Promise<Metrics> {
    return onDisk(path, async () => {
      if (existsSync(path)) {
        const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => stepOf(line) <= step);
        await writeWhole(path, [Buffer.from(lines.map((line) => `${line}\n`).join(''))]);
      }
      return new Metrics(path, await open(path, 'a'));
    });
  }

  write(entry: object): Promise<void> {
    return onDisk(this.#path, () => this.#file.appendFile(`${JSON.stringify(entry)}\n`));
  }

  /** On the disk, whatever happens next. */
  sync(): Promise<void> {
    return onDisk(this.#path, () => this.#file.sync());
  }

  close(): Promise<void> {
    return onDisk(this.#path, () => this.#file.close());
  }
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof TangshiError ? error : diskError('write', path, error);
  }
}

/** Infinity for an incomplete entry: a line cut off by a crash. */
function stepOf(line: string): number {
  try {
    return JSON.parse(line).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
