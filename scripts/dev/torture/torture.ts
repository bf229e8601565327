import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RunConfig, TrainEvent } from '../../../lib';
import { readCheckpoint, train } from '../../../lib';

/** Passed to every section. A failure is an Error that says what happened and how to reproduce it. */
export type Torture = Readonly<{
  /** Seeds all random choices: the same seed and count repeat a run, except for the timing of kills. */
  seed: number;
  /** Amount of work; its unit depends on the section. */
  count: number;
  /** For temporary files. */
  folder: string;
  show(text: string): void;
}>;

/** Results by name. */
export type Figures = Readonly<Record<string, number | string>>;

const ROOT = join(__dirname, '..', '..', '..');

/** Out of copyright for a thousand years. */
export const POEMS = [
  '床前明月光，疑是地上霜。举头望明月，低头思故乡。',
  '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。',
  '春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。',
  '千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。',
  '红豆生南国，春来发几枝。愿君多采撷，此物最相思。',
  '松下问童子，言师采药去。只在此山中，云深不知处。',
  '空山不见人，但闻人语响。返景入深林，复照青苔上。',
  '君自故乡来，应知故乡事。来日绮窗前，寒梅著花未。',
];

/** A small network with every source of randomness enabled; three steps per epoch. */
export function smallConfig(data: string, epochs: number): Partial<RunConfig> {
  return {
    data,
    minCount: 1,
    heldOut: 0.2,
    titles: false,
    embedDim: 16,
    hiddenDim: 24,
    dropout: 0.2,
    batch: 2,
    epochs,
    seed: 3,
    threads: 1,
  };
}

export async function events(options: Parameters<typeof train>[0]): Promise<TrainEvent[]> {
  const all: TrainEvent[] = [];
  for await (const event of train(options)) all.push(event);
  return all;
}

/** The result of a run in a comparable form: bits of all tensors, and its progress without the time taken. */
export async function learned(run: string): Promise<string> {
  const { tensors, progress } = await readCheckpoint(join(run, 'last.safetensors'));
  const bits = Object.entries(tensors)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { data }]) => [name, Buffer.from(data).toString('base64')]);
  return JSON.stringify([bits, { ...progress, seconds: 0 }]);
}

/** Runs a TypeScript program in a separate process. */
export function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, ['-r', 'ts-node/register', join(__dirname, file), ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function lines(child: ChildProcess) {
  return createInterface({ input: child.stdout as NodeJS.ReadableStream });
}
