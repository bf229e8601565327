import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Answer, Open, Place, Request, Work } from './protocol';

/** How to start a contender. */
export type Program = Readonly<{
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  threads: number;
  /** Default: on the CPU. */
  place?: Place;
}>;

const ROOT = join(__dirname, '..', '..', '..');
/** Number of lines of stderr kept for the error message if a contender dies. */
const KEPT_LINES = 20;

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts a process that ends no later than this one. */
export function start(command: string, args: readonly string[], env: Program['env'] = {}): ChildProcess {
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env } });
  children.add(child);
  child.on('close', () => children.delete(child));
  return child;
}

/** A process that has loaded a model and runs rounds of work on request. */
export class Contender {
  readonly name: string;
  /** Peak memory before any work. */
  loadedBytes = 0;
  readonly #threads: number;
  readonly #place: Place | undefined;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #complaints: string[] = [];

  constructor({ name, command, args, env, threads, place }: Program) {
    this.name = name;
    this.#threads = threads;
    this.#place = place;
    this.#child = start(command, args, env);
    this.#child.on('error', ({ message }) => this.#complaints.push(message));
    this.#child.stdin?.on('error', () => {}); // if the process has died, the missing answer is reported
    this.#answers = lines(this.#child, 'stdout')[Symbol.asyncIterator]();
    lines(this.#child, 'stderr').on('line', (line) => {
      this.#complaints.push(line);
      if (this.#complaints.length > KEPT_LINES) this.#complaints.shift();
    });
  }

  async open(setup: Omit<Open, 'task' | 'threads' | 'place'>): Promise<void> {
    const where = { threads: this.#threads, ...(this.#place && { place: this.#place }) };
    const { peakBytes } = await this.#ask({ task: 'open', ...where, ...setup });
    this.loadedBytes = peakBytes;
  }

  ask(work: Work): Promise<Answer> {
    return this.#ask(work);
  }

  async #ask(request: Request): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (!done) return JSON.parse(value) as Answer;
    throw new Error(`${this.name} did not answer ${request.task}:\n${this.#complaints.join('\n')}`);
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

function lines(child: ChildProcess, stream: 'stdout' | 'stderr') {
  return createInterface({ input: child[stream] as NodeJS.ReadableStream });
}
