import { PassThrough } from 'node:stream';
import stringWidth from 'string-width';
import type { TrainEvent } from '../../lib/train/train-events';
import { useLanguage } from '../../scripts/cli/language';
import { duration, Reporter } from '../../scripts/cli/progress';

test.each([
  [0, '0s'],
  [59.4, '59s'],
  [59.6, '1m 00s'],
  [723, '12m 03s'],
  [12_000, '3h 20m'],
])('%f seconds are formatted as %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

const plan = {
  type: 'plan',
  run: 'runs/a',
  corpus: 'poems',
  poems: 9,
  heldOut: 1,
  tokens: 100,
  vocab: 20,
  parameters: 1000,
  tally: { read: 12, kept: 10, rejected: { latin: 2, blank: 0 } },
  device: 'cpu',
  precision: 'fp32',
  threads: 2,
  epochs: 2,
  stepsPerEpoch: 5,
  steps: 10,
  done: 0,
  seconds: 5,
  notices: [],
} as unknown as TrainEvent;
const step = (number: number): TrainEvent => ({
  type: 'step',
  step: number,
  epoch: 1,
  loss: 5,
  smoothedLoss: 5.5,
  gradNorm: 1,
  lr: 0.1,
  tokens: 20,
  tokensPerSecond: 40,
});

function told(terminal: boolean, events: readonly TrainEvent[]): string {
  const out = Object.assign(new PassThrough(), terminal ? { isTTY: true, columns: 80 } : {});
  const reporter = new Reporter(out, { logEvery: 2 });
  for (const event of events) reporter.tell(event);
  return out.read()?.toString() ?? '';
}

test('in a pipe, prints a line every logEvery steps', () => {
  const text = told(false, [plan, step(1), step(2), step(3), step(4)]);
  expect(text).toContain('corpus  poems: 10 of 12 poems (rejected: latin 2)');
  expect(text.match(/ step \d+\/10 /g)).toEqual([' step 2/10 ', ' step 4/10 ']);
  expect(text).not.toContain('\x1b');
});

test.each([{ TERM: 'dumb' }, { NO_COLOR: '1' }])(
  'on a terminal with %j, prints the same as in a pipe',
  (variables) => {
    const before = { ...process.env };
    Object.assign(process.env, variables);
    try {
      const text = told(true, [plan, step(1), step(2)]);
      expect(text).not.toContain('\x1b');
      expect(text.match(/ step \d+\/10 /g)).toEqual([' step 2/10 ']);
    } finally {
      process.env = before;
    }
  },
);

test('reports the device and its precision', () => {
  expect(told(false, [plan])).toContain('device  cpu, 2 threads\n');
  const device = (changes: Partial<Extract<TrainEvent, { type: 'plan' }>>) =>
    told(false, [{ ...plan, ...changes } as TrainEvent]);
  expect(device({ precision: 'bf16' })).toContain('device  cpu, 2 threads, bf16\n');
  expect(device({ device: 'cuda:1', precision: 'tf32' })).toContain('device  cuda:1, tf32\n');
});

test('follows the width of a terminal that is resized', () => {
  const out = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  const reporter = new Reporter(out, { logEvery: 2 });
  reporter.tell(plan);
  const now = jest.spyOn(performance, 'now');
  for (const [second, columns] of [50, 120, 70].entries()) {
    now.mockReturnValue((second + 1) * 1e6);
    out.columns = columns;
    out.read();
    reporter.tell(step(second + 1));
    expect(out.read()?.toString().split('\x1b[J').at(-1)?.length).toBeLessThan(columns);
  }
  now.mockRestore();
});

test('a line that a narrower terminal has broken is erased whole', () => {
  const out = Object.assign(new PassThrough(), { isTTY: true, columns: 100 });
  const reporter = new Reporter(out, { logEvery: 2 });
  const now = jest.spyOn(performance, 'now').mockReturnValue(1e6);
  for (const event of [plan, step(1)]) reporter.tell(event);
  const width = out.read()?.toString().split('\x1b[J').at(-1)?.length as number;
  expect(width).toBeGreaterThan(60);
  now.mockReturnValue(2e6);
  out.columns = 30;
  reporter.tell(step(2));
  now.mockRestore();
  expect(out.read()?.toString()).toMatch(new RegExp(`^\\r\\x1b\\[${Math.ceil(width / 30) - 1}A\\x1b\\[J`));
});

test('the limit of --minutes is in the plan and in the time left', () => {
  const out = new PassThrough();
  const reporter = new Reporter(out, { logEvery: 1, minutes: 0.05 });
  for (const event of [{ ...plan, seconds: 600 } as TrainEvent, step(1)]) reporter.tell(event);
  const text = out.read()?.toString();
  expect(text).toContain('time    3s, all epochs about 10m 00s\n');
  expect(text).toMatch(/ETA [0-3]s/);
});

test('Chinese, aligned by the width of the characters', () => {
  useLanguage('zh');
  const text = told(true, [plan, step(1)]);
  useLanguage('en');
  expect(text).toContain('语料  poems：12 首中选用 10 首（排除：含有字母或数字 2）');
  const line = text.slice(text.lastIndexOf('\x1b[J') + 3);
  expect(line).toContain('损失 5.00，平均 5.50');
  expect(stringWidth(line)).toBeLessThan(80);
});

test('on a terminal, redraws a single line that never exceeds its width', () => {
  const text = told(true, [plan, step(1)]);
  const redrawn = text.slice(text.lastIndexOf('\x1b[J') + 3);
  expect(redrawn).toMatch(/epoch 1\/2 step 1\/10 {2}loss 5\.00, mean 5\.50/);
  expect(redrawn.length).toBeLessThan(80);
  expect(redrawn).toMatch(/ETA \d+s$/);
  expect(redrawn).not.toContain('\n');
});
