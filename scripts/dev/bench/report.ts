import type { Bar } from './bars';
import type { Check } from './check';
import type { Contest } from './contest';
import type { Curve } from './curve';
import type { Gpu } from './gpu';
import type { Machine } from './machine';
import type { Memory } from './memory';
import type { Networks } from './networks';
import type { Precision } from './precision';
import type { Sampling } from './sampling';
import type { Point, Scaling } from './scaling';
import type { Training } from './training';

/** The results as text. Every text ends with a line feed. */

export function machineText({ cpu, cores, load, versions }: Machine, skipped: readonly string[]): string {
  const rows = [
    ['machine', `${cpu}, ${cores} cores, load ${load.toFixed(2)}`],
    [
      'versions',
      Object.entries(versions)
        .map((pair) => pair.join(' '))
        .join(', '),
    ],
    ...skipped.map((reason) => ['skipped', reason]),
  ];
  return rows.map(([label = '', text]) => `${label.padEnd(10)}${text}\n`).join('');
}

export function trainingText({ checks, seedSize, disturbed, hidden512, tfjs }: Training): string {
  const contests = [seedSize, disturbed, hidden512, ...(tfjs ? [tfjs] : [])];
  return `\n${checksText(checks)}${contests.map(contestText).join('')}`;
}

export function networksText({ checks, contests }: Networks): string {
  return `\n${checksText(checks)}${contests.map(contestText).join('')}`;
}

export function samplingText({ checks, oneByOne, together, oneByOne512 }: Sampling): string {
  return `\n${checksText(checks)}${[oneByOne, together, oneByOne512].map(contestText).join('')}`;
}

/** Its contests have already been reported one by one. */
export function gpuText(results: Gpu): string {
  const { device, checks, algorithms } = results;
  const paths = Object.entries(algorithms).map(
    ([what, names]) => `cuDNN     ${what}: ${names.join(', ') || 'no log'}\n`,
  );
  return (
    `\nGPU       ${device}\n${checksText(checks)}` +
    `check     ${results.captured === 1 ? 'all' : percent(results.captured)} of the steps ran as CUDA graphs, ` +
    `${percent(results.idle)} of the time the GPU was idle; losses over 200 steps match the CPU within ` +
    `${results.lossDifference.toExponential(1)} nats\n${paths.join('')}`
  );
}

function checksText(checks: readonly Check[]): string {
  return checks
    .filter(({ among }) => among.length > 1)
    .map(({ what, among, difference }) => {
      const verdict =
        difference === 0 ? 'the same' : `largest relative difference ${difference.toExponential(1)}`;
      return `check     ${what}, ${among.join(', ')}: ${verdict}\n`;
    })
    .join('');
}

export function contestText({ title, unit, rows, gflops, floor }: Contest): string {
  const hasFloor = floor !== undefined;
  const lines = rows.map(({ name, median, min, max, ratio, share = 0 }, i) => [
    name,
    ...[median, min, max].map(count),
    i === 0 ? '' : `${ratio.toFixed(2)}x`,
    ...(hasFloor ? [percent(share)] : []),
  ]);
  const header = ['', unit, 'min', 'max', 'ours is', ...(hasFloor ? ['of floor'] : [])];
  const note = hasFloor ? `floor: ${count(floor)} ${unit}, one core ${gflops?.toFixed(1)} GFLOP/s\n` : '';
  return `\n${title}\n${table([header, ...lines])}${note}`;
}

export function precisionText(precision: Precision | undefined): string {
  if (!precision) return '\ntraining in bf16: not measured, the processor has no AVX512_BF16\n';
  const { contests, lossDifference } = precision;
  const note = `means of 50 losses, 500 steps in bf16 and fp32: largest difference ${lossDifference.toExponential(1)} nats\n`;
  return contests.map(contestText).join('') + note;
}

export function memoryText(memory: Memory): string {
  const lines = memory.flatMap(({ hidden, rows }) =>
    rows.map(({ name, loadedBytes, peakBytes }) => [
      `hidden ${hidden}, ${name}`,
      megabytes(loadedBytes),
      megabytes(peakBytes),
    ]),
  );
  return `\nmemory of training\n${table([['', 'loaded, MB', 'peak, MB'], ...lines])}`;
}

export function scalingText({ threads, hidden, batch, corpus }: Scaling): string {
  const lines = (name: string, points: readonly Point[]) =>
    points.map(({ value, tokensPerSecond, share, tokens, seconds, peakBytes }) => [
      `${name} ${value}`,
      count(tokensPerSecond),
      percent(share),
      count(tokens),
      seconds.toFixed(1),
      megabytes(peakBytes),
    ]);
  const header = ['', 'tokens/s', 'of floor', 'tokens', 'seconds', 'peak, MB'];
  const all = [
    ...lines('threads', threads),
    ...lines('hidden', hidden),
    ...lines('batch', batch),
    ...lines('corpus x', corpus),
  ];
  return `\nscaling, ours alone\n${table([header, ...all])}`;
}

export function curveText(curve: Curve | undefined): string {
  if (!curve) return '';
  const { steps, first, last, difference, relative } = curve;
  return (
    `curve     ${steps} steps of ours and pytorch batched, loss ${first.toFixed(4)} to ${last.toFixed(4)}: ` +
    `largest difference ${difference.toExponential(1)} nats (relative ${relative.toExponential(1)})\n`
  );
}

export function barsText(bars: readonly Bar[]): string {
  if (bars.length === 0) return '';
  const lines = bars.map(({ figure, ours, peer, ratio, bar, atMost, met }) => [
    figure,
    ours === undefined ? '' : count(ours),
    peer === undefined ? '' : count(peer),
    ratio === undefined ? '' : ratio < 0.005 ? ratio.toExponential(1) : ratio.toFixed(2),
    `${atMost ? '<=' : '>='} ${bar}`,
    met === undefined ? 'not measured' : met ? 'met' : 'missed',
  ]);
  return `\nbars\n${table([['', 'ours', 'peer', 'ratio', 'bar', ''], ...lines])}`;
}

/** Aligns the first column left, the others right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) => {
      const cells = row.map((cell, i) =>
        i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      );
      return `  ${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function percent(share: number): string {
  return share < 0.01 ? '<1%' : `${(share * 100).toFixed(0)}%`;
}

function megabytes(bytes: number): string {
  return count(bytes / 1e6);
}
