import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { diskError, readBytes, writeWhole } from '../util/disk';
import { TangshiError } from '../util/errors';

/** `metrics.jsonl`: one JSON object per line, in the order of the events. */
export class MetricsFile {
  readonly #path: string;
  readonly #file: FileHandle;

  /** Lowest held-out NLL of the evaluations at a limit so far; infinity if there was none. */
  readonly lowestAtLimit: number;

  private constructor(path: string, file: FileHandle, lines: readonly string[]) {
    this.#path = path;
    this.#file = file;
    this.lowestAtLimit = lines.reduce(
      (lowest, line) => Math.min(lowest, nllAtLimit(line)),
      Number.POSITIVE_INFINITY,
    );
  }

  /** Opens the file for appending. Drops lines after `step`: a resumed run writes them again. */
  static async open(path: string, step: number): Promise<MetricsFile> {
    return withDiskErrors(path, async () => {
      let lines: string[] = [];
      if (existsSync(path)) {
        const text = (await readBytes(path)).toString();
        lines = text.split('\n').filter((line) => stepOf(line) <= step);
        await writeWhole(path, [Buffer.from(lines.map((line) => `${line}\n`).join(''))]);
      }
      return new MetricsFile(path, await open(path, 'a'), lines);
    });
  }

  write(entry: object): Promise<void> {
    return withDiskErrors(this.#path, () => this.#file.appendFile(`${JSON.stringify(entry)}\n`));
  }

  /** Flushes to the disk. */
  sync(): Promise<void> {
    return withDiskErrors(this.#path, () => this.#file.sync());
  }

  close(): Promise<void> {
    return withDiskErrors(this.#path, () => this.#file.close());
  }
}

async function withDiskErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof TangshiError ? error : diskError('write', path, error);
  }
}

/** Infinity for a line that a crash cut off. */
function stepOf(line: string): number {
  try {
    return JSON.parse(line).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Infinity for any other line. */
function nllAtLimit(line: string): number {
  if (!line.includes('"evaluation"')) return Number.POSITIVE_INFINITY;
  const { type, heldOut } = JSON.parse(line);
  return type === 'evaluation' ? heldOut.nll : Number.POSITIVE_INFINITY;
}
