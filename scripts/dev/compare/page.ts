import type { Outcome, Variant } from './trial';

/** The results as a self-contained HTML page, and as Markdown. */

const WIDTH = 720;
const HEIGHT = 360;
const MARGIN = { left: 48, right: 150, top: 28, bottom: 36 };
const COLOURS = { lstm: '#1b6ca8', gru: '#2a9d5c', rnn: '#c8553d' } as const;

export function nameOf({ cell, data, device, faults }: Variant): string {
  return `${cell.toUpperCase()}, ${data}${device === 'cpu' ? '' : `, ${device}`}${faults ? ', as the original' : ''}`;
}

const HEADER = ['network', 'nll', 'tok/s', 'steps', 'time to', 'silent', 'length'];

/** A threshold to compare training times by: the median over a corpus's networks of their lowest NLL. */
export function markOf(outcomes: readonly Outcome[]): number {
  const lowest = outcomes.map(({ curve }) => Math.min(...curve.map(({ nll }) => nll))).sort((a, b) => a - b);
  return lowest[Math.floor(lowest.length / 2)] ?? Number.NaN;
}

function rows(outcomes: readonly Outcome[]): string[][] {
  const mark = markOf(outcomes);
  return outcomes.map((outcome) => {
    const reached = outcome.curve.find(({ nll }) => nll <= mark)?.seconds;
    return [
      nameOf(outcome),
      (outcome.curve.at(-1)?.nll ?? Number.NaN).toFixed(3),
      Math.round(outcome.tokensPerSecond).toLocaleString('en-US'),
      outcome.steps.toLocaleString('en-US'),
      reached === undefined ? '–' : `${reached.toFixed(0)} s`,
      outcome.silent.join('') || '–',
      outcome.meanLength.toFixed(0),
    ];
  });
}

function groups(outcomes: readonly Outcome[]): [string, Outcome[]][] {
  const data = [...new Set(outcomes.map(({ data }) => data))];
  return data.map((name) => [name, outcomes.filter((outcome) => outcome.data === name)]);
}

function explain(outcomes: readonly Outcome[]): string {
  return (
    `nll: of held-out poems at the end, in nats per character. time to: time until an nll of ${markOf(outcomes).toFixed(3)}. ` +
    'silent: prompts for which the original program prints nothing, because no piece of the poem exceeds 10 characters; ' +
    'length: characters that it prints per prompt, mean of eight. The original program knows every character of the corpus, ' +
    'the others replace rare ones by a single unknown character: compare within each kind first.'
  );
}

export function markdown(outcomes: readonly Outcome[], seconds: number): string {
  const parts = [
    `# RNN, LSTM and GRU compared\n\n${seconds} seconds of training per network (npm run compare -- --seconds ${seconds}).\n`,
  ];
  for (const [data, own] of groups(outcomes)) {
    parts.push(`## ${data}\n\n![held-out nll over time](${data}.svg)\n`);
    parts.push(table(own), `${explain(own)}\n`);
    for (const outcome of own)
      parts.push(`**${nameOf(outcome)}**\n\n${outcome.poems.map((p) => `- ${p}`).join('\n')}\n`);
  }
  return parts.join('\n');
}

function table(outcomes: readonly Outcome[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `${[line(HEADER), line(HEADER.map(() => '---')), ...rows(outcomes).map(line)].join('\n')}\n`;
}

export function html(outcomes: readonly Outcome[], seconds: number): string {
  const sections = groups(outcomes).map(([data, own]) => {
    const cells = (tag: string, row: readonly string[]) =>
      `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
    const poems = own.map(
      (outcome) =>
        `<h3>${escaped(nameOf(outcome))}</h3>${outcome.poems.map((poem) => `<p class="poem">${escaped(poem)}</p>`).join('')}`,
    );
    return (
      `<h2>${escaped(data)}</h2>${svg(own)}` +
      `<table>${cells('th', HEADER)}${rows(own)
        .map((row) => cells('td', row))
        .join('')}</table>` +
      `<p>${escaped(explain(own))}</p><div class="poems">${poems.map((text) => `<div>${text}</div>`).join('')}</div>`
    );
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>RNN, LSTM and GRU compared</title><style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; } td, th { padding: .2em .8em; border-bottom: 1px solid #ddd; text-align: right; }
td:first-child, th:first-child { text-align: left; } .poem { font-size: 17px; margin: .2em 0; }
.poems { display: grid; grid-template-columns: repeat(auto-fit, minmax(22em, 1fr)); gap: 0 2em; } h3 { margin: .8em 0 .2em; }
svg { max-width: 100%; height: auto; }
</style></head><body><h1>RNN, LSTM and GRU compared</h1><p>${seconds} seconds of training each.</p>
${sections.join('\n')}
</body></html>
`;
}

/** Held-out NLL over seconds of training, one line per network; dashed with the original program's faults. */
export function svg(outcomes: readonly Outcome[]): string {
  const points = outcomes.flatMap(({ curve }) => curve);
  const last = Math.max(...points.map(({ seconds }) => seconds));
  const [low, high] = [Math.min, Math.max].map((of) => of(...points.map(({ nll }) => nll))) as [
    number,
    number,
  ];
  const x = (seconds: number) => MARGIN.left + (seconds / last) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (nll: number) =>
    MARGIN.top + ((high - nll) / (high - low || 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const ticks = (from: number, to: number) => {
    const step =
      [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600].find((size) => (to - from) / size <= 6) ?? 1000;
    const first = Math.ceil(from / step) * step;
    return Array.from({ length: Math.floor((to - first) / step + 1e-9) + 1 }, (_, i) => first + i * step);
  };
  const bottom = HEIGHT - MARGIN.bottom;
  const grid = [
    ...ticks(low, high).map(
      (nll) =>
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(nll)}" y2="${y(nll)}" stroke="#e4e4e4"/>` +
        `<text x="${MARGIN.left - 6}" y="${y(nll) + 4}" text-anchor="end">${Number(nll.toFixed(2))}</text>`,
    ),
    ...ticks(0, last).map(
      (seconds) =>
        `<text x="${x(seconds)}" y="${bottom + 16}" text-anchor="middle">${Number(seconds.toFixed(1))} s</text>`,
    ),
  ];
  const labels = spread(outcomes.map(({ curve }) => y(curve.at(-1)?.nll ?? low)));
  const lines = outcomes.map((outcome, i) => {
    const colour = COLOURS[outcome.cell];
    const dash = outcome.faults ? ' stroke-dasharray="5 4"' : '';
    const path = outcome.curve
      .map(({ seconds, nll }) => `${x(seconds).toFixed(1)},${y(nll).toFixed(1)}`)
      .join(' ');
    const label = `${outcome.cell.toUpperCase()}${outcome.device === 'cpu' ? '' : ' GPU'}${outcome.faults ? ', original' : ''}`;
    return (
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>` +
      `<text x="${WIDTH - MARGIN.right + 6}" y="${(labels[i] as number) + 4}" fill="${colour}">${label}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" ` +
    `font-family="system-ui, sans-serif" font-size="12" fill="#555">` +
    `<rect width="100%" height="100%" fill="white"/>${grid.join('')}` +
    `<text x="4" y="12">held-out nll, nats a character</text>` +
    `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${bottom}" y2="${bottom}" stroke="#999"/>${lines.join('')}</svg>\n`
  );
}

/** Labels that would overlap are moved down. */
function spread(places: readonly number[]): number[] {
  const room = 14;
  const order = places.map((place, i) => ({ place, i })).sort((a, b) => a.place - b.place);
  const moved = [...places];
  let free = Number.NEGATIVE_INFINITY;
  for (const { place, i } of order) {
    moved[i] = Math.max(place, free);
    free = (moved[i] as number) + room;
  }
  return moved;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
