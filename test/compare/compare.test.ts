import { html, markdown, markOf, svg } from '../../scripts/dev/compare/page';
import { type Outcome, trial } from '../../scripts/dev/compare/trial';

const outcome = (change: Partial<Outcome>): Outcome => ({
  cell: 'lstm',
  data: 'poems',
  device: 'cpu',
  faults: false,
  curve: [
    { seconds: 0, nll: 8 },
    { seconds: 10, nll: 6 },
    { seconds: 20, nll: 5 },
  ],
  tokensPerSecond: 12345.6,
  steps: 100,
  silent: ['山', '夜'],
  meanLength: 20.4,
  poems: ['湖上<风>。'],
  ...change,
});
const two = [
  outcome({}),
  outcome({
    cell: 'rnn',
    faults: true,
    curve: [
      { seconds: 0, nll: 8 },
      { seconds: 20, nll: 7 },
    ],
  }),
];

test('plots one labelled line per network, within the bounds of the chart', () => {
  const picture = svg(two);
  expect(picture.match(/<polyline/g)).toHaveLength(2);
  expect(picture.match(/stroke-dasharray/g)).toHaveLength(1);
  expect(picture).toContain('>LSTM<');
  expect(picture).toContain('>RNN, original<');
  const numbers = [...picture.matchAll(/points="([^"]+)"/g)].flatMap(([, points = '']) =>
    points.split(' ').map((point) => point.split(',').map(Number)),
  );
  for (const [x = -1, y = -1] of numbers) {
    expect(x >= 48 && x <= 570).toBe(true);
    expect(y >= 28 && y <= 324).toBe(true);
  }
});

test('the Markdown and HTML tables show the measurements', () => {
  expect(markOf(two)).toBe(7);
  const text = markdown(two, 20);
  expect(text).toContain('| LSTM, poems | 5.000 | 12,346 | 100 | 10 s | 山夜 | 20 |');
  expect(text).toContain('| RNN, poems, as the original | 7.000 | 12,346 | 100 | 20 s | 山夜 | 20 |');
  const page = html(two, 20);
  expect(page).toContain('<td>LSTM, poems</td><td>5.000</td>');
  expect(page).toContain('湖上&#60;风&#62;。');
  expect(page).not.toMatch(/<(script|link|img)|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
});

test('trains a network, evaluates it repeatedly and generates poems', async () => {
  const said: string[] = [];
  const result = await trial({ cell: 'lstm', data: 'tangshi', device: 'cpu', faults: false }, 1, (text) =>
    said.push(text),
  );
  expect(result.curve.length).toBeGreaterThan(5);
  expect(result.curve.at(-1)?.nll).toBeLessThan(result.curve[0]?.nll as number);
  expect(result.steps).toBeGreaterThan(0);
  expect(result.poems).toHaveLength(3);
  expect(said[0]).toMatch(/^0 of 1 s, held-out nll \d/);
}, 60_000);
