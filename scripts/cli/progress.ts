import { dirname } from 'node:path';
import stringWidth from 'string-width';
import { RUNS } from '../../lib/train/run-folder';
import type { TrainEvent } from '../../lib/train/train-events';
import { exampleCommand, quoted } from './command';
import { t } from './language';
import { canRedraw, type Terminal } from './terminal';
import { rejectionsText, translated } from './translate';

type Plan = Extract<TrainEvent, { type: 'plan' }>;
type Step = Extract<TrainEvent, { type: 'step' }>;

const BAR_WIDTH = 20;
const SECONDS_BETWEEN_REDRAWS = 0.1;

type ReporterOptions = Readonly<{ logEvery: number; minutes?: number }>;

/**
 * Reports a training to the user: redraws one line on a terminal, writes a line every `logEvery` steps elsewhere.
 *
 * @example
 * const reporter = new Reporter(process.stderr, { logEvery: 50 });
 * for await (const event of train({ out: 'runs/mine' })) reporter.tell(event);
 */
export class Reporter {
  readonly #out: Terminal;
  readonly #redraws: boolean;
  readonly #logEvery: number;
  /** Limit of this sitting in seconds. */
  readonly #limit: number;
  #plan: Plan | undefined;
  /** First character of the last sample: a prompt that the model knows. */
  #prompt = '湖';
  /** Tokens of this sitting. */
  #tokens = 0;
  /** Time of the plan, in seconds. */
  #start = 0;
  /** Time of the last redraw, in seconds. */
  #drawn = 0;
  /** Columns of the redrawn line. */
  #width = 0;

  /** @param options `minutes`: limit of this sitting. */
  constructor(out: Terminal, { logEvery, minutes = Number.POSITIVE_INFINITY }: ReporterOptions) {
    this.#out = out;
    this.#redraws = canRedraw(out);
    this.#logEvery = logEvery;
    this.#limit = minutes * 60;
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
        return planText(event, this.#limit);
      case 'skipped':
        return t(
          `step ${event.step} skipped: loss ${event.loss}, gradient norm ${event.gradNorm} (${event.skipped} so far)`,
          `跳过第 ${event.step} 步：损失 ${event.loss}，梯度范数 ${event.gradNorm}（已跳过 ${event.skipped} 步）`,
        );
      case 'epoch':
        return t(
          `epoch ${event.epoch} of ${this.#plan?.epochs}: mean loss ${event.loss.toFixed(3)}${heldOutText(event)}`,
          `第 ${event.epoch} 轮，共 ${this.#plan?.epochs} 轮：平均损失 ${event.loss.toFixed(3)}${heldOutText(event)}`,
        );
      case 'evaluation':
        return t(`step ${event.step}${heldOutText(event)}`, `第 ${event.step} 步${heldOutText(event)}`);
      case 'sample':
        this.#prompt = [...event.text][0] ?? '';
        return event.lines.map((line) => `    ${line}`).join('\n');
      case 'checkpoint':
        return event.best ? t(`best so far: ${event.path}`, `目前最佳：${event.path}`) : '';
      case 'done':
        return doneText(event, this.#prompt);
    }
  }

  #step(event: Step): void {
    this.#tokens += event.tokens;
    if (this.#redraws) {
      if (now() - this.#drawn < SECONDS_BETWEEN_REDRAWS) return;
      this.#drawn = now();
      const line = this.#progress(event);
      this.#out.write(this.#erase() + line);
      this.#width = stringWidth(line);
    } else if (event.step % this.#logEvery === 0) {
      this.#out.write(`${this.#progress(event)}\n`);
    }
  }

  /** The most important figures first; the bar fills the remaining width. Never wider than the terminal. */
  #progress({ step, epoch, loss, smoothedLoss }: Step): string {
    const { steps, epochs, done } = this.#plan as Plan;
    const seconds = now() - this.#start;
    const toGo = Math.min((seconds / (step - done)) * (steps - step), Math.max(0, this.#limit - seconds));
    const [rate, left] = [Math.round(this.#tokens / seconds), duration(toGo)];
    const text = [
      t(`epoch ${epoch}/${epochs} step ${step}/${steps}`, `第 ${epoch}/${epochs} 轮 第 ${step}/${steps} 步`),
      t(
        `loss ${loss.toFixed(2)}, mean ${smoothedLoss.toFixed(2)}`,
        `损失 ${loss.toFixed(2)}，平均 ${smoothedLoss.toFixed(2)}`,
      ),
      t(`${rate} tokens/s`, `${rate} 字/秒`),
      t(`ETA ${left}`, `剩余 ${left}`),
    ].join('  ');
    const columns = this.#redraws ? (this.#out.columns ?? 80) - 1 : Number.POSITIVE_INFINITY;
    const room = columns - 1 - stringWidth(text);
    const width = Math.max(0, Math.min(BAR_WIDTH, room));
    const filled = Math.floor((step / steps) * width);
    return cut(`${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${text}`.trimStart(), columns);
  }

  /** Writes a permanent line above the redrawn one. */
  #line(text: string): void {
    if (text === '') return;
    this.#out.write(`${this.#erase()}${text}\n`);
    this.#width = 0;
  }

  /** Erases the redrawn line. A terminal that was made narrower has broken it into several rows. */
  #erase(): string {
    if (!this.#redraws) return '';
    const rows = Math.ceil(this.#width / (this.#out.columns ?? 80));
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ''}\x1b[J`;
  }
}

/** @param limit Seconds after which the training stops. */
function planText(plan: Plan, limit: number): string {
  const { read, kept, rejected } = plan.tally;
  const why = rejectionsText(rejected);
  const [poems, records, epochs] = [thousands(kept), thousands(read), plan.epochs];
  const done =
    plan.done > 0 ? t(`, ${thousands(plan.done)} done`, `，已完成 ${thousands(plan.done)} 步`) : '';
  const rows = [
    [t('run', '目录'), plan.run],
    [
      t('corpus', '语料'),
      t(
        `${plan.corpus}: ${poems} of ${records} poems${why && ` (rejected: ${why})`}`,
        `${plan.corpus}：${records} 首中选用 ${poems} 首${why && `（排除：${why}）`}`,
      ),
    ],
    [
      t('split', '划分'),
      t(
        `${thousands(plan.poems)} to train, ${thousands(plan.heldOut)} held out`,
        `训练 ${thousands(plan.poems)} 首，留出 ${thousands(plan.heldOut)} 首`,
      ),
    ],
    [t('tokens', '字数'), t(`${thousands(plan.tokens)} per epoch`, `每轮 ${thousands(plan.tokens)}`)],
    [
      t('model', '模型'),
      t(
        `${thousands(plan.parameters)} parameters, vocabulary ${thousands(plan.vocab)}`,
        `${thousands(plan.parameters)} 个参数，词表 ${thousands(plan.vocab)}`,
      ),
    ],
    [t('device', '设备'), deviceText(plan)],
    [
      t('steps', '步数'),
      t(
        `${epochs} epoch${epochs === 1 ? '' : 's'} x ${thousands(plan.stepsPerEpoch)}${done}`,
        `${epochs} 轮 × ${thousands(plan.stepsPerEpoch)}${done}`,
      ),
    ],
    [t('time', '时间'), timeText(plan.seconds, limit)],
  ] as const;
  const column = Math.max(...rows.map(([name]) => stringWidth(name))) + 2;
  const notices = plan.notices
    .map((notice) => t(`\nNote: ${notice}`, `\n注意：${translated(notice)}`))
    .join('');
  return (
    rows.map(([name, value]) => name + ' '.repeat(column - stringWidth(name)) + value).join('\n') + notices
  );
}

function timeText(seconds: number, limit: number): string {
  const all = duration(seconds);
  if (seconds <= limit) return t(`about ${all}`, `约 ${all}`);
  return t(`${duration(limit)}, all epochs about ${all}`, `限 ${duration(limit)}，跑完全部轮次约 ${all}`);
}

function deviceText({ device, precision, threads }: Plan): string {
  if (device !== 'cpu') return `${device}, ${precision}`;
  const fp32 = precision === 'fp32'; // as usual
  return t(
    `cpu, ${threads} thread${threads === 1 ? '' : 's'}${fp32 ? '' : `, ${precision}`}`,
    `cpu，${threads} 线程${fp32 ? '' : `，${precision}`}`,
  );
}

function heldOutText(event: Extract<TrainEvent, { type: 'epoch' | 'evaluation' }>): string {
  const { heldOut } = event;
  if (!heldOut) return '';
  const [nll, perplexity] = [heldOut.nll.toFixed(3), heldOut.perplexity.toFixed(1)];
  const given = 'heldOutWithTitles' in event ? event.heldOutWithTitles?.nll.toFixed(3) : undefined;
  const english = given === undefined ? '' : `, given its titles ${given}`;
  const chinese = given === undefined ? '' : `，给出诗题时 ${given}`;
  return t(
    `, held-out nll ${nll} (perplexity ${perplexity})${english}`,
    `，留出集 NLL ${nll}（困惑度 ${perplexity}）${chinese}`,
  );
}

function doneText(
  { reason, step, run, seconds }: Extract<TrainEvent, { type: 'done' }>,
  prompt: string,
): string {
  const why = {
    finished: t('Finished', '训练完成'),
    interrupted: t('Interrupted', '训练中断'),
    minutes: t('Time limit reached', '已到时限'),
    'max-steps': t('Step limit reached', '已到步数上限'),
  }[reason];
  const next =
    reason === 'finished'
      ? t('generate poems', '写诗') +
        t(': ', '：') +
        exampleCommand('gen', dirname(run) === RUNS ? prompt : `--model ${quoted(run)}`)
      : t('continue', '继续') + t(': ', '：') + exampleCommand('train', `--resume --out ${quoted(run)}`);
  return t(
    `${why} after step ${thousands(step)} (${duration(seconds)} of training). Saved in ${run}. To ${next}`,
    `${why}，共 ${thousands(step)} 步（用时 ${duration(seconds)}），保存在 ${run}。${next}`,
  );
}

/** The beginning of a text that is at most so many columns wide. */
function cut(text: string, columns: number): string {
  let [width, end] = [0, 0];
  for (const char of text) {
    width += stringWidth(char);
    if (width > columns) break;
    end += char.length;
  }
  return text.slice(0, end);
}

/** 59s, 12m 03s, 3h 20m. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [s, m, h] = [t('s', ' 秒'), t('m ', ' 分 '), t('h ', ' 小时 ')];
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}${s}`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${m}${two(whole % 60)}${s}`;
  return `${Math.floor(whole / 3600)}${h}${two(Math.floor((whole % 3600) / 60))}${m.trimEnd()}`;
}

function thousands(value: number): string {
  return value.toLocaleString('en-US');
}

function now(): number {
  return performance.now() / 1000;
}
