import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TrainOptions, train } from '../../lib';
import { POEMS } from '../../scripts/dev/torture/torture';

export const ROOT = join(__dirname, '..', '..');
export const EXAMPLES = join(ROOT, 'examples');

/** Poems with lines that start with 湖, and enough characters of one rhyme group for a form. */
export const LINES = [
  ...POEMS,
  '湖上春来似画图，乱峰围绕水平铺。',
  '东同铜桐筒童僮瞳中衷忠虫冲终戎崇嵩弓躬宫融雄熊穹冯风枫丰充隆空公功工攻蒙',
];

/** The examples import the package as its users do, from dist. Rebuilds it if it is older than the sources. */
export function freshDist(): void {
  const newest = (folder: string) =>
    Math.max(
      ...readdirSync(folder, { recursive: true }).map((name) => statSync(join(folder, String(name))).mtimeMs),
    );
  const built = statSync(join(ROOT, 'dist', 'lib', 'index.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built < newest(join(ROOT, 'lib'))) execFileSync('npm', ['run', '-s', 'dist'], { cwd: ROOT });
}

/** A folder with the package installed, and `lines.txt`. */
export class Project {
  readonly folder: string;
  readonly lines: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.lines = join(folder, 'lines.txt');
  }

  static async make(lines: readonly string[] = LINES): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'tangshi-examples-')));
    await mkdir(join(project.folder, 'node_modules'));
    await symlink(ROOT, join(project.folder, 'node_modules', 'tangshi'));
    await writeFile(project.lines, `${lines.join('\n')}\n`);
    return project;
  }

  /** Trains a tiny network for a few steps. @returns The run folder. */
  async train({ config, ...options }: Partial<TrainOptions> = {}): Promise<string> {
    const out = join(this.folder, 'runs', `${performance.now()}`);
    const small = { embedDim: 8, hiddenDim: 16, batch: 4, threads: 1, epochs: 4, minCount: 1, heldOut: 0 };
    const corpus = { data: this.lines, format: 'lines' } as const;
    for await (const _ of train({
      ...options,
      config: { ...corpus, ...small, ...config },
      out,
      device: 'cpu',
    }));
    return out;
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

export type Finished = Readonly<{ code: number | null; stdout: string; stderr: string }>;

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, input = '' }: Readonly<{ cwd?: string; input?: string }> = {},
): Promise<Finished> {
  const child = spawn(command, args, { cwd, env: { ...process.env, PYTHONIOENCODING: 'utf-8' } });
  child.stdin.end(input);
  return finish(child);
}

export async function finish(child: ChildProcess): Promise<Finished> {
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  return { code, stdout, stderr };
}
