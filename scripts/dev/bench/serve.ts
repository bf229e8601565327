import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Done, Open, Request, Work } from './protocol';

/** The tasks of a contender; only these are requested. */
export type Tasks = Readonly<{
  [T in Work['task']]?: (work: Extract<Work, { task: T }>) => Promise<Done>;
}>;

/** Answers requests on stdin until it ends. */
export async function serve(open: (setup: Open) => Promise<Tasks>): Promise<void> {
  let tasks: Tasks = {};
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    const start = performance.now();
    let done: Done = { tokens: 0 };
    if (request.task === 'open') tasks = await open(request);
    else done = await perform(tasks, request);
    const seconds = (performance.now() - start) / 1000;
    process.stdout.write(`${JSON.stringify({ ...done, seconds, peakBytes: peakBytes() })}\n`);
  }
  process.exit();
}

function perform(tasks: Tasks, work: Work): Promise<Done> {
  const task = tasks[work.task] as ((work: Work) => Promise<Done>) | undefined;
  if (!task) throw new Error(`This contender does not support ${work.task}`);
  return task(work);
}

/** On Linux, `maxRSS` is inherited from the parent process, so this reads /proc instead. */
function peakBytes(): number {
  try {
    return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
