import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunConfig } from './config';
import { diskError, writeWhole } from './disk';
import { TangshiError } from './errors';

/** Where runs live when no folder is named. */
export const RUNS = 'runs';

/** The files of a run. */
export const runFiles = (folder: string) => ({
  config: join(folder, 'config.json'),
  metrics: join(folder, 'metrics.jsonl'),
  last: join(folder, 'last.safetensors'),
  best: join(folder, 'best.safetensors'),
});

/** A folder name for a new run: sorts by time, says what it is. */
export function newRunFolder({ data, preset }: RunConfig, now = new Date()): string {
  const time = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const corpus = data.replace(/^.*[\\/]/, '').replace(/[^\p{L}\p{N}]+/gu, '-');
  return join(RUNS, `${time}-${corpus}-${preset}`);
}

/**
 * Makes the folder of a new run and writes its configuration.
 *
 * @throws ERUN when a run is already there. EIO when it cannot be written.
 */
export async function createRun(folder: string, config: RunConfig): Promise<void> {
  const files = runFiles(folder);
  if (existsSync(files.last) || existsSync(files.config)) {
    throw new TangshiError(
      'ERUN',
      `${folder} already holds a run: go on with --resume --out ${folder}, or choose another folder with --out`,
    );
  }
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw diskError('create', folder, error);
  }
  await writeWhole(files.config, [Buffer.from(`${JSON.stringify(config, null, 2)}\n`)]);
}

/** The configuration that a run was started with. */
export async function readRunConfig(folder: string): Promise<unknown> {
  const path = runFiles(folder).config;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError('read', path, error);
    throw new TangshiError('ERUN', `${folder} holds no run to go on with: leave --resume away to start one`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TangshiError('ERUN', `${path} is not JSON`, { cause: error });
  }
}

/** The run whose configuration or checkpoint was written last; undefined when there is none. */
export async function newestRun(): Promise<string | undefined> {
  const folders = await readdir(RUNS, { withFileTypes: true }).catch(() => []);
  let newest: { folder: string; time: number } | undefined;
  for (const entry of folders) {
    if (!entry.isDirectory()) continue;
    const folder = join(RUNS, entry.name);
    const { last, config } = runFiles(folder);
    const time = (
      await stat(last)
        .catch(() => stat(config))
        .catch(() => undefined)
    )?.mtimeMs;
    if (time !== undefined && (newest === undefined || time > newest.time)) newest = { folder, time };
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
    if (existsSync(path)) {
      const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => stepOf(line) <= step);
      await writeWhole(path, [Buffer.from(lines.map((line) => `${line}\n`).join(''))]);
    }
    try {
      return new Metrics(path, await open(path, 'a'));
    } catch (error) {
      throw diskError('write', path, error);
    }
  }

  async write(entry: object): Promise<void> {
    try {
      await this.#file.appendFile(`${JSON.stringify(entry)}\n`);
    } catch (error) {
      throw diskError('write', this.#path, error);
    }
  }

  /** On the disk, whatever happens next. */
  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Infinity for what is no whole entry: a line cut off by a crash. */
function stepOf(line: string): number {
  try {
    return JSON.parse(line).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
