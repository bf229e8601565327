import { CI_ALIASES, CI_PATTERNS } from '../../lib/verse/ci-patterns';
import { FORM_NAMES, formNamed, namedPatterns } from '../../lib/verse/form-patterns';
import { lengthOf, lineLengths, type Pattern, parsePattern } from '../../lib/verse/pattern';

const rhymesOf = ({ rows }: Pattern) =>
  rows.flatMap(([usual = []]) => usual.flatMap(({ rhyme }) => rhyme ?? []));
const repeatsOf = ({ rows }: Pattern) =>
  rows.flatMap(([usual = []]) => usual.map(({ repeats }) => repeats ?? 0));

test('a sentence: tones, rhymes and punctuation', () => {
  expect(parsePattern('平仄中，中韵。')).toEqual({
    rows: [
      [
        [
          { tone: 'level' },
          { tone: 'oblique' },
          { tone: undefined },
          { mark: '，' },
          { tone: undefined, rhyme: 0 },
          { mark: '。' },
        ],
      ],
    ],
    stanzas: [],
  });
});

test('sentences may share a line or not, with spaces anywhere', () => {
  const pattern = parsePattern('平仄。中平！仄？');
  expect(pattern.rows).toHaveLength(3);
  expect(lineLengths(pattern)).toEqual([2, 2, 1]);
  expect(lengthOf(pattern)).toBe(8);
  expect(parsePattern(' 平 仄。\r\n中平！　\r仄？\n')).toEqual(pattern);
});

test('a line of a poem ends at any mark', () => {
  expect(lineLengths(parsePattern('平平，平、仄平：仄仄；平韵。'))).toEqual([2, 1, 2, 2, 1]);
});

test('| separates alternatives for a sentence', () => {
  const { rows } = parsePattern('平平韵。|仄平韵。|中平韵。仄仄韵。');
  expect(rows.map((row) => row.length)).toEqual([3, 1]);
  expect(rows[0]?.map(([first]) => first?.tone)).toEqual(['level', 'oblique', undefined]);
});

test('a blank line separates stanzas', () => {
  expect(parsePattern('平。\n仄。\n\n平。\n \n\n仄。').stanzas).toEqual([2, 3]);
  expect(parsePattern('\n\n平。\n仄。\n\n').stanzas).toEqual([]);
});

test('换 begins a new rhyme', () => {
  expect(rhymesOf(parsePattern('平韵。平韵。仄换。仄韵。\n\n平换。平韵。'))).toEqual([0, 0, 1, 1, 2, 2]);
  expect(rhymesOf(parsePattern('平换。平韵。仄换。'))).toEqual([0, 0, 1]);
  expect(rhymesOf(parsePattern('平换，平韵。|仄换，平韵。平韵。'))).toEqual([0, 0, 0]);
});

test('叠 repeats the last line of the same length, in the sentence or before', () => {
  expect(repeatsOf(parsePattern('平仄，平仄叠。'))).toEqual([0, 0, 0, 3, 3, 0]);
  expect(repeatsOf(parsePattern('平仄韵。平仄韵叠。'))).toEqual([0, 0, 0, 3, 3, 0]);
  // 平仄, then three characters, then again two.
  expect(repeatsOf(parsePattern('平仄。中中中。平仄叠。'))).toEqual([0, 0, 0, 0, 0, 0, 0, 7, 7, 0]);
  const [row] = parsePattern('平仄韵，平仄韵叠。').rows;
  expect(row?.[0]?.slice(3, 5)).toEqual([
    { tone: 'level', repeats: 3 },
    { tone: 'oblique', rhyme: 0, repeats: 3 },
  ]);
});

test.each<[template: string, message: string]>([
  ['', 'The template is empty'],
  [' \n\n', 'The template is empty'],
  ['，。', 'Unexpected "，" in line 1 of the template: ，。'],
  ['平x仄。', 'Unexpected "x" in line 1 of the template: 平x仄。'],
  ['平仄。\n\n韵平。', 'Unexpected "韵" in line 3 of the template: 韵平。'],
  ['平，叠仄。', 'Unexpected "叠" in line 1 of the template: 平，叠仄。'],
  ['平，换。', 'Unexpected "换" in line 1 of the template: 平，换。'],
  ['平仄。平仄', 'A sentence in line 1 of the template does not end in punctuation: 平仄'],
  ['平仄。|', 'A sentence in line 1 of the template does not end in punctuation: '],
  [
    '平。\n平仄。|平。',
    'The alternatives in line 2 of the template differ in length, punctuation or rhyme: 平仄。|平。',
  ],
  [
    '平，仄。|平、仄。',
    'The alternatives in line 1 of the template differ in length, punctuation or rhyme: 平，仄。|平、仄。',
  ],
  [
    '平韵。|平。',
    'The alternatives in line 1 of the template differ in length, punctuation or rhyme: 平韵。|平。',
  ],
  ['平。平仄叠。', 'There is no earlier line of 2 characters to repeat in line 1 of the template'],
  ['平仄叠。', 'There is no earlier line of 2 characters to repeat in line 1 of the template'],
  [`${'平'.repeat(1000)}。`, 'The template has more than 1000 positions'],
])('%j is rejected', (template, message) => {
  expect(() => parsePattern(template)).toThrow(
    expect.objectContaining({ code: 'ERR_TANGSHI_INVALID_ARG', option: 'pattern', message }),
  );
});

test('every form has patterns, its variants too', () => {
  for (const name of FORM_NAMES.filter((other) => other !== '对联')) {
    const patterns = namedPatterns(name);
    expect(patterns.length).toBeGreaterThan(0);
    for (const pattern of patterns) expect(rhymesOf(pattern).length).toBeGreaterThan(1);
  }
  expect(lineLengths(namedPatterns('七律')[0] as Pattern)).toEqual(Array(8).fill(7));
  expect(lineLengths(namedPatterns('五排', 20)[0] as Pattern)).toEqual(Array(20).fill(5));
  expect(lineLengths(namedPatterns('沁园春')[0] as Pattern).reduce((sum, length) => sum + length)).toBe(114);
});

test('names, aliases and traditional characters', () => {
  for (const [alias, name] of Object.entries(CI_ALIASES)) {
    expect(Object.keys(CI_PATTERNS)).toContain(name);
    expect(formNamed(alias)).toBe(name);
  }
  expect(['七言絕句', '滿江紅', '賀新涼', '楹联', '如梦令'].map(formNamed)).toEqual([
    '七绝',
    '满江红',
    '贺新郎',
    '对联',
    '如梦令',
  ]);
  for (const other of ['', '五', 'toString', '__proto__', '5x5', '钗头'])
    expect(formNamed(other)).toBeUndefined();
});
