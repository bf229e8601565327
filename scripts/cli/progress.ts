import { dirname } from 'node:path';
import { RUNS } from '../../lib/train/run-folder';
import type { TrainEvent } from '../../lib/train/train-events';
import { exampleCommand } from './command';
import { canRedraw, type Terminal } from './terminal';

type Plan = Extract<TrainEvent, { type: 'plan' }>;
type Step = Extract<TrainEvent, { type: 'step' }>;

const BAR_WIDTH = 20;
const SECONDS_BETWEEN_REDRAWS = 0.1;

/**
 * Reports a training to the user: redraws one line on a terminal, writes a line every `logEvery` steps elsewhere.
 *
 * @example
 * const reporter = new Reporter(process.stdout, { logEvery: 50 });
 * for await (const event of train({ out: 'runs/mine' })) reporter.tell(event);
 */
export class Reporter {
  readonly #out: Terminal;
  readonly #redraws: boolean;
  readonly #logEvery: number;
  #plan: Plan | undefined;
  /** First character of the last sample: a prompt that the model knows. */
  #prompt = '湖';
  /** Tokens of this sitting. */
  #tokens = 0;
  /** Time of the plan, in seconds. */
  #start = 0;
  /** Time of the last redraw, in seconds. */
  #drawn = 0;

  constructor(out: Terminal, { logEvery }: { logEvery: number }) {
    this.#out = out;
    this.#redraws = canRedraw(out);
    this.#logEvery = logEvery;
  }

  tell(event: TrainEvent): void {
    if (event.type === 'plan') {
      this.#plan = event;
      this.#start = now();
    }
    if (event.type === 'step') this.#step(event);
    else this.#line(this.#text(event));
  }

  /** Empty if there is nothing to report. */
  #text(event: Exclude<TrainEvent, Step>): string {
    switch (event.type) {
      case 'plan':
        return planText(event);
      case 'skipped':
        return `step ${event.step} skipped: loss ${event.loss}, gradient norm ${event.gradNorm} (${event.skipped} so far)`;
      case 'epoch':
        return `epoch ${event.epoch} of ${this.#plan?.epochs}: loss ${event.loss.toFixed(4)}${heldOutText(event)}`;
      case 'evaluation':
        return `step ${event.step}${heldOutText(event)}`;
      case 'sample':
        this.#prompt = [...event.text][0] ?? '';
        return event.lines.map((line) => `    ${line}`).join('\n');
      case 'checkpoint':
        return event.best ? `best so far: ${event.path}` : '';
      case 'done':
        return doneText(event, this.#prompt);
    }
  }

  #step(event: Step): void {
    this.#tokens += event.tokens;
    if (this.#redraws) {
      if (now() - this.#drawn < SECONDS_BETWEEN_REDRAWS) return;
      this.#drawn = now();
      this.#out.write(`\r\x1b[K${this.#progress(event).slice(0, (this.#out.columns ?? 80) - 1)}`);
    } else if (event.step % this.#logEvery === 0) {
      this.#out.write(`${this.#progress(event)}\n`);
    }
  }

  /** The most important figures first; the bar fills the remaining width. */
  #progress({ step, epoch, loss, smoothedLoss }: Step): string {
    const { steps, epochs, done } = this.#plan as Plan;
    const seconds = now() - this.#start;
    const toGo = (seconds / (step - done)) * (steps - step);
    const text = [
      `epoch ${epoch}/${epochs} step ${step}/${steps}`,
      `loss ${loss.toFixed(4)} (${smoothedLoss.toFixed(4)})`,
      `${Math.round(this.#tokens / seconds)} tok/s`,
      `ETA ${duration(toGo)}`,
    ].join('  ');
    const room = this.#redraws ? (this.#out.columns ?? 80) - 2 - text.length : BAR_WIDTH;
    const width = Math.max(0, Math.min(BAR_WIDTH, room));
    const filled = Math.floor((step / steps) * width);
    return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${text}`.trimStart();
  }

  /** Writes a permanent line above the redrawn one. */
  #line(text: string): void {
    if (text === '') return;
    this.#out.write(`${this.#redraws ? '\r\x1b[K' : ''}${text}\n`);
  }
}

function planText(plan: Plan): string {
  const { read, kept, rejected } = plan.tally;
  const reasons = Object.entries(rejected).filter(([, count]) => count > 0);
  const why = reasons.map(([reason, count]) => `${reason} ${thousands(count)}`).join(', ');
  const rows = [
    ['run', plan.run],
    [
      'corpus',
      `${plan.corpus}: ${thousands(kept)} of ${thousands(read)} poems${why && ` (rejected: ${why})`}`,
    ],
    ['split', `${thousands(plan.poems)} to train, ${thousands(plan.heldOut)} held out`],
    ['tokens', `${thousands(plan.tokens)} per epoch`],
    ['model', `${thousands(plan.parameters)} parameters, vocabulary ${thousands(plan.vocab)}`],
    ['device', deviceText(plan)],
    [
      'steps',
      `${plan.epochs} epochs x ${thousands(plan.stepsPerEpoch)}${plan.done ? `, ${thousands(plan.done)} done` : ''}`,
    ],
    ['time', `about ${duration(plan.seconds)}`],
  ];
  const notices = plan.notices.map((notice) => `\nNote: ${notice}`).join('');
  return rows.map(([name, value]) => `${name?.padEnd(8)}${value}`).join('\n') + notices;
}

function deviceText({ device, precision, threads }: Plan): string {
  if (device !== 'cpu') return `${device}, ${precision}`;
  return `cpu, ${threads} thread${threads === 1 ? '' : 's'}`;
}

function heldOutText({ heldOut }: Extract<TrainEvent, { type: 'epoch' | 'evaluation' }>): string {
  if (!heldOut) return '';
  return `, held-out nll ${heldOut.nll.toFixed(4)} (perplexity ${heldOut.perplexity.toFixed(1)})`;
}

function doneText(
  { reason, step, run, seconds }: Extract<TrainEvent, { type: 'done' }>,
  prompt: string,
): string {
  const why = {
    finished: 'Finished',
    interrupted: 'Interrupted',
    minutes: 'Time limit reached',
    'max-steps': 'Step limit reached',
  }[reason];
  const next =
    reason === 'finished'
      ? `generate poems: ${exampleCommand('gen', dirname(run) === RUNS ? prompt : `--model ${run}`)}`
      : `continue: ${exampleCommand('train', `--resume --out ${run}`)}`;
  return `${why} after step ${thousands(step)} (${duration(seconds)} of training). Saved in ${run}. To ${next}`;
}

/** 59s, 12m 03s, 3h 20m. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

function thousands(value: number): string {
  return value.toLocaleString('en-US');
}

function now(): number {
  return performance.now() / 1000;
}
