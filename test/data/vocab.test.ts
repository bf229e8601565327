import fc from 'fast-check';
import { CONTROLS, Vocab } from '../../lib/data/vocab';
import golden from '../golden/seed.json';

const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe('classic', () => {
  test.each(['titled', 'lines'] as const)(
    '%s: same entries, classes and vectors as the original program',
    (format) => {
      const { poems, words, classes, vectors } = golden[format];
      const vocab = Vocab.classic(poems);
      expect(vocab.toJSON()).toEqual({ kind: 'classic', characters: words });
      expect(vocab.size).toBe(classes);
      expect(poems.map((poem) => [...vocab.encodePoem(poem)])).toEqual(vectors);
    },
  );

  const vocab = Vocab.classic(['春眠不觉晓', '春晓']);

  test('begin and end are the ordinary characters G and E', () => {
    expect([vocab.bos, vocab.eos, vocab.unk, [...vocab.banned]]).toEqual([0, 3, undefined, []]);
    expect([...vocab.encode('G春E')]).toEqual([0, 1, 3]);
    expect(vocab.decode(vocab.encodePoem('春晓'))).toBe('G春晓E');
  });

  test('the class beyond the entries decodes as the last entry', () => {
    expect(vocab.size).toBe(9); // G 春 晓 E 眠 不 觉, a space, and one unused class
    expect(vocab.decode([7, 8])).toBe('  ');
  });

  test('there is no UNK for rare characters', () => {
    expect(() => vocab.encodePoem('春天')).toThrow(
      failure('ERR_TANGSHI_VOCAB', /"天" \(character 2\) is not/),
    );
  });

  test('requires a poem', () => {
    expect(() => Vocab.classic([])).toThrow(failure('ERR_TANGSHI_INVALID_ARG', /at least one poem/));
  });
});

describe('modern', () => {
  const vocab = Vocab.build(['春春𠀀晓晓春', '眠晓𠀀'], { minCount: 2 });

  test('special tokens, then characters by count, ties in order of first occurrence; rare characters are left out', () => {
    expect(vocab.toJSON()).toEqual({ kind: 'modern', characters: ['春', '晓', '𠀀'] });
    expect([vocab.size, vocab.unk, vocab.bos, vocab.eos, [...vocab.banned]]).toEqual([6, 0, 1, 2, [0, 1]]);
    expect(Vocab.build(['春眠'], { minCount: 1 }).size).toBe(5);
  });

  test('encoded poems have begin and end tokens, and UNK for rare characters', () => {
    expect([...vocab.encodePoem('春眠𠀀')]).toEqual([1, 3, 0, 5, 2]);
    expect(vocab.decode([1, 3, 0, 5, 2])).toBe('<s>春<unk>𠀀</s>');
    expect([...vocab.encodePoem('')]).toEqual([1, 2]);
  });

  test('text cannot produce a special token', () => {
    expect(vocab.has('<s>')).toBe(false);
    expect(() => vocab.encode('<s>')).toThrow(failure('ERR_TANGSHI_VOCAB', /"<" \(character 1\)/));
  });

  test.each([0, 1.5, Number.NaN])('minCount %p is rejected', (minCount) => {
    expect(() => Vocab.build(['春'], { minCount })).toThrow(failure('ERR_TANGSHI_INVALID_ARG', /minCount/));
  });

  test.each([-1, 6, 1.5, Number.NaN])('id %p is rejected', (id) => {
    expect(() => vocab.decode([id])).toThrow(failure('ERR_TANGSHI_VOCAB', /from 0 to 5/));
  });
});

describe('the error for unknown characters', () => {
  const vocab = Vocab.build(['人山，人海。风云乾'], { minCount: 1 });

  test.each([
    ['人風', /^"風" \(character 2\) is not in the model's vocabulary: try 风, the same in the other script$/],
    ['雲風', /^"雲" \(character 1\), "風" \(character 2\) are not .* try 云风,/],
    ['鱻人', /^"鱻" \(character 1\) is not .* frequent ones are 人山海风云乾$/],
    ['𠀀𠀁', /^"𠀀" \(character 1\), "𠀁" \(character 2\) are/],
    ['abcdefg', /"e" \(character 5\) and 2 more are not/],
    ['\n', /^"\\n" \(character 1\)/],
  ])('%j', (text, message) => {
    expect(() => vocab.encode(text)).toThrow(failure('ERR_TANGSHI_VOCAB', message));
  });

  test('suggests the traditional character if the vocabulary has it', () => {
    const traditional = Vocab.build(['風雲'], { minCount: 1 });
    expect(() => traditional.encode('风')).toThrow(failure('ERR_TANGSHI_VOCAB', /try 風,/));
  });

  test('says if the vocabulary has no Han characters', () => {
    expect(() => Vocab.build(['a'], { minCount: 1 }).encode('春')).toThrow(
      failure('ERR_TANGSHI_VOCAB', /no Han characters/),
    );
  });
});

const poem = fc.string({ unit: fc.constantFrom(...'春眠不觉晓，。𠀀 GE'), maxLength: 12 });

test('any poems: decoding inverts encoding, ids are in range, and the vocabulary round-trips through JSON', () => {
  fc.assert(
    fc.property(fc.array(poem, { minLength: 1 }), fc.boolean(), (poems, classic) => {
      const vocab = classic ? Vocab.classic(poems) : Vocab.build(poems, { minCount: 1 });
      const again = Vocab.fromJSON(JSON.parse(JSON.stringify(vocab)));
      expect([again.size, again.bos, again.eos, again.unk]).toEqual([
        vocab.size,
        vocab.bos,
        vocab.eos,
        vocab.unk,
      ]);
      for (const text of poems) {
        const ids = vocab.encodePoem(text);
        expect(vocab.decode(ids.subarray(1, -1))).toBe(text);
        expect(Math.max(...ids)).toBeLessThan(vocab.size);
        expect(again.encodePoem(text)).toEqual(ids);
      }
    }),
  );
});

test.each([
  ['明月,秋水.', '明月，秋水。'],
  ['明 月，\t秋\u3000水 。\n', '明月，秋水。'],
  ['秋風明月!', '秋风明月！'], // traditional
  ['明\ufe00月\u200b', '明月'], // a variation selector, a zero-width space
  ['\uf9f4水', '林水'], // a compatibility ideograph
  ['眀月，秌水', '明月，秌水'], // a variant; one that is not listed
  ['鱻x', '鱻x'],
  ['', ''],
])('%j is normalized to characters of the vocabulary', (text, expected) => {
  const vocab = Vocab.build(['明月秋水林风，。！'], { minCount: 1 });
  expect(vocab.normalize(text)).toBe(expected);
});

test('characters of the vocabulary are left unchanged', () => {
  const vocab = Vocab.build(['a, b.風'], { minCount: 1 });
  expect(vocab.normalize('a, b.風')).toBe('a, b.風');
});

describe('a damaged vocabulary is rejected', () => {
  const characters = ['G', '春', 'E', ' '];
  test.each<[string, unknown]>([
    ['null', null],
    ['a string', 'modern'],
    ['no kind', { characters }],
    ['an unknown kind', { kind: 'antique', characters }],
    ['no characters', { kind: 'modern' }],
    ['characters as a string', { kind: 'modern', characters: '春眠' }],
    ['characters as an array-like object', { kind: 'modern', characters: { length: 1, 0: '春' } }],
    ['too many characters', { kind: 'modern', characters: new Array(200_001).fill('春') }],
    ['a number', { kind: 'modern', characters: ['春', 1] }],
    ['a hole', { kind: 'modern', characters: new Array(2) }],
    ['an empty entry', { kind: 'modern', characters: ['春', ''] }],
    ['two characters in an entry', { kind: 'modern', characters: ['春眠'] }],
    ['half an astral character', { kind: 'modern', characters: ['\ud842'] }],
    ['a duplicate character', { kind: 'modern', characters: ['春', '眠', '春'] }],
    ['classic without G', { kind: 'classic', characters: ['春', 'E', ' '] }],
    ['classic without E', { kind: 'classic', characters: ['G', '春', ' '] }],
    ['classic without the final space', { kind: 'classic', characters: ['G', '春', 'E'] }],
    ['classic with a duplicate character', { kind: 'classic', characters: ['G', '春', '春', 'E', ' '] }],
    ['classic and empty', { kind: 'classic', characters: [] }],
  ])('%s', (_, json) => {
    expect(() => Vocab.fromJSON(json)).toThrow(failure('ERR_TANGSHI_CHECKPOINT', /vocabulary is damaged/));
  });

  test('any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (kind, list) => {
        expect(() => Vocab.fromJSON({ kind, characters: list })).toThrow(
          failure('ERR_TANGSHI_CHECKPOINT', /damaged/),
        );
      }),
    );
  });
});

describe('control tokens', () => {
  const vocab = Vocab.build(['床前明月光', '明月'], { minCount: 1, controls: CONTROLS });
  const plain = Vocab.build(['床前明月光', '明月'], { minCount: 1 });

  test('follow the characters, and are no characters', () => {
    expect(vocab.size).toBe(plain.size + 9);
    expect(vocab.control('title')).toBe(plain.size);
    expect(vocab.control('词')).toBe(vocab.size - 1);
    expect(plain.control('title')).toBeUndefined();
    expect([...vocab.encode('明月')]).toEqual([...plain.encode('明月')]);
    expect(vocab.decode([vocab.control('五绝') as number])).toBe('<五绝>');
    expect(() => vocab.encode('<title>')).toThrow(failure('ERR_TANGSHI_VOCAB', /"<" \(character 1\)/));
  });

  test('are never generated', () => {
    expect([...vocab.banned]).toEqual([0, 1, ...Array.from({ length: 9 }, (_, i) => plain.size + i)]);
  });

  test('survive JSON; a vocabulary without them is written as before', () => {
    expect(Vocab.fromJSON(JSON.parse(JSON.stringify(vocab)))).toEqual(vocab);
    expect(plain.toJSON()).not.toHaveProperty('controls');
    const json = vocab.toJSON();
    for (const controls of ['title', ['sonnet'], ['title', 'title'], [1]])
      expect(() => Vocab.fromJSON({ ...json, controls })).toThrow(
        failure('ERR_TANGSHI_CHECKPOINT', /a control token is unknown, or occurs twice/),
      );
  });
});
