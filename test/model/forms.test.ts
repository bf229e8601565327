import { checkPoem, type Model, type PoemOptions } from '../../lib';
import { isRhymeFault } from '../../lib/verse/check/findings';
import { CI_PATTERNS } from '../../lib/verse/ci-patterns';
import { bundledVocab } from '../verse/bundled-vocab';
import { untrainedModel } from './untrained';

let model: Model;
beforeAll(async () => {
  model = await untrainedModel(await bundledVocab());
});
afterAll(() => model.dispose());

const generate = (options: PoemOptions) => model.generate({ seed: 1, bestOf: 1, ...options });
const generateMany = (count: number, options: PoemOptions) =>
  model.generateMany(count, { seed: 1, bestOf: 1, ...options });

test.each(['五绝', '七绝', '五律', '七律'] as const)(
  '%s by an untrained network: line lengths, rhymes and tones are right',
  async (form) => {
    for (const { text, lines, complete } of await generateMany(50, { form, temperature: 1.5 })) {
      expect(checkPoem(text)).toMatchObject({ form, ok: true, faults: [] });
      expect(complete).toBe(true);
      expect(lines).toHaveLength(form.endsWith('律') ? 8 : 4);
      expect(lines.join('')).toBe(text);
      expect(text).toMatch(/^([^，。]+，[^，。]+。)+$/);
    }
  },
);

test.each<[string, PoemOptions, length: number]>([
  ['五排', {}, 12],
  ['七排', { lines: 20 }, 20],
  ['五古', {}, 8],
  ['七古', { lines: 6 }, 6],
])('%s %j', async (form, options, length) => {
  for (const { text, lines } of await generateMany(5, { form, ...options, temperature: 1.5 })) {
    expect(checkPoem(text, { form })).toMatchObject({ ok: true, faults: [] });
    expect(lines).toHaveLength(length);
  }
});

test.each(Object.keys(CI_PATTERNS))('%s keeps its template', async (form) => {
  for (const { text, lines, stanzaLengths, complete } of await generateMany(5, { form, temperature: 1.5 })) {
    const { ok, faults } = checkPoem(text, { form });
    expect({ text, ok, faults }).toEqual({ text, ok: true, faults: [] });
    expect(complete).toBe(true);
    expect(lines.join('')).toBe(text);
    expect(stanzaLengths.reduce((sum, count) => sum + count)).toBe(lines.length);
    expect(stanzaLengths).toHaveLength(CI_PATTERNS[form]?.[0]?.split('\n\n').length ?? 0);
  }
});

test('如梦令 repeats its line of two characters', async () => {
  for (const { text } of await generateMany(5, { form: '如梦令' })) expect(text).toMatch(/。(..)。\1。/u);
});

test('a couplet answers its first line', async () => {
  for (const { text, lines } of await generateMany(10, { form: '对联', prompt: '春风得意马蹄疾' })) {
    expect(text).toMatch(/^春风得意马蹄疾，.{7}。$/u);
    expect(lines).toHaveLength(2);
    expect(checkPoem(text)).toMatchObject({ form: '对联', ok: true });
  }
});

test('a template of one’s own', async () => {
  const pattern = '平平仄仄平平韵。平仄仄平平韵。\n\n仄仄仄平换。|仄平仄平换。平仄仄平韵。平仄仄平叠。';
  for (const { text, stanzaLengths } of await generateMany(10, { pattern })) {
    expect(checkPoem(text, { pattern })).toMatchObject({ ok: true, faults: [] });
    expect(stanzaLengths).toEqual([2, 3]);
  }
});

test('the tones and rhymes of modern Mandarin', async () => {
  const rhymeBook = '中华通韵';
  for (const form of ['七绝', '五律', '水调歌头'])
    for (const { text } of await generateMany(5, { form, rhymeBook }))
      expect(checkPoem(text, { form, rhymeBook })).toMatchObject({ ok: true, faults: [] });
});

test('in traditional characters', async () => {
  const simplified = await generateMany(5, { form: '七律', prompt: '万里' });
  const poems = await generateMany(5, { form: '七律', prompt: '万里', script: 'traditional' });
  for (const [i, { text, lines }] of poems.entries()) {
    expect(text).toMatch(/^萬里/);
    expect(text).not.toBe(simplified[i]?.text);
    expect(lines.join('')).toBe(text);
    expect(checkPoem(text)).toMatchObject({ form: '七律', ok: true });
  }
  await expect(generate({ script: 'pinyin' as never })).rejects.toMatchObject({ option: 'script' });
});

test('the prompt determines the tone pattern, and is kept', async () => {
  for (const prompt of ['湖', '明月', '山中一夜', '白日空山']) {
    for (const { text } of await generateMany(10, { form: '五绝', prompt })) {
      expect(text.startsWith(prompt)).toBe(true);
      expect({ text, faults: checkPoem(text).faults }).toEqual({ text, faults: [] });
    }
  }
  const { text } = await generate({ form: '七绝', prompt: '春风 不见旧时人，万里' });
  expect(text).toMatch(/^春风不见旧时人，万里/);
});

test('a first line that ends in a level tone rhymes with the others', async () => {
  for (const { text } of await generateMany(20, { form: '五绝', prompt: '明月上空楼', tone: 'off' })) {
    const { rhymes, faults } = checkPoem(text);
    expect(rhymes).toEqual(['尤']);
    expect(faults.filter(isRhymeFault)).toEqual([]);
  }
});

test('a seed reproduces its poems, another seed does not', async () => {
  const poems = await generateMany(3, { form: '七绝' });
  expect(await generateMany(3, { form: '七绝' })).toEqual(poems);
  expect(await generateMany(3, { form: '七绝', seed: 9 })).not.toEqual(poems);
});

test('a given rhyme group', async () => {
  for (const { text } of await generateMany(5, { form: '七律', rhymeGroup: '东' })) {
    expect(checkPoem(text)).toMatchObject({ ok: true, rhymes: ['东'] });
  }
});

test('strict: no three equal tones at the end of a line', async () => {
  for (const { text } of await generateMany(20, { form: '七律', tone: 'strict' })) {
    const { faults } = checkPoem(text, { strict: true });
    expect(faults.filter(({ term }) => term.startsWith('三'))).toEqual([]);
  }
});

test('any number of lines and characters, without rules by default', async () => {
  const { text, lines } = await generate({ form: '3x4' });
  expect(text).toMatch(/^[^，。]{4}，[^，。]{4}。[^，。]{4}。$/);
  expect(lines).toHaveLength(3);
});

test('an acrostic, with a form or with one line per character', async () => {
  const heads = (lines: readonly string[]) => lines.map((line) => [...line][0]).join('');
  for (const { lines } of await generateMany(5, { acrostic: '春江花月', form: '五绝' }))
    expect(heads(lines)).toBe('春江花月');
  const { lines } = await generate({ acrostic: '明月山' });
  expect(heads(lines)).toBe('明月山');
  expect(lines[0]).toHaveLength(6);
});

test('a context influences the poem without being part of it', async () => {
  const options = { form: '五绝', prompt: '湖' } as const;
  const poems = await generateMany(3, { ...options, context: '秋风清，秋月明' });
  expect(poems).not.toEqual(await generateMany(3, options));
  for (const { text, lines } of poems) {
    expect(text.startsWith('湖')).toBe(true);
    expect(lines).toHaveLength(4);
    expect(checkPoem(text)).toMatchObject({ form: '五绝', ok: true });
  }
  await expect(generate({ context: '鱻' })).rejects.toMatchObject({ code: 'ERR_TANGSHI_VOCAB' });
});

test('beam search is deterministic and respects the form', async () => {
  const search = () => model.generate({ form: '五律', prompt: '山', beam: 8 });
  const poem = await search();
  expect(await search()).toEqual(poem);
  expect(checkPoem(poem.text)).toMatchObject({ form: '五律', ok: true });
});

test('more drafts give fewer repeated characters', async () => {
  const repeats = async (bestOf: number) => {
    const poems = await generateMany(20, { form: '七律', bestOf, repetitionPenalty: 0 });
    return poems.reduce((sum, { text }) => sum + [...text].length - new Set(text).size, 0);
  };
  expect(await repeats(10)).toBeLessThan(await repeats(1));
});

test.each<[PoemOptions, string, RegExp]>([
  [{ form: '八股' as never }, 'form', /Unknown form "八股".*七绝/],
  [{ form: '0x5' }, 'form', /Unknown form "0x5"/],
  [{ form: '41x5' }, 'form', /Unknown form "41x5".*up to 40x20/],
  [{ form: 'toString' as never }, 'form', /Unknown form "toString"/],
  [{ form: '五绝', tone: 'soft' as never }, 'tone', /tone.*soft/],
  [{ acrostic: '春x' }, 'acrostic', /Han characters/],
  [{ acrostic: '，' }, 'acrostic', /Han characters/],
  [{ acrostic: '' }, 'acrostic', /Han characters/],
  [{ rhymeGroup: '东' }, 'rhymeGroup', /rhymeGroup needs a form/],
  [{ form: '五绝', maxLength: 5 }, 'maxLength', /omit maxLength/],
  [{ prompt: null as never }, 'prompt', /prompt.*null/],
  [{ form: '五绝', acrostic: '春江' }, 'acrostic', /2 characters.*4 lines/],
  [{ form: '五绝', rhymeGroup: '猫' as never }, 'rhymeGroup', /Unknown rhyme group "猫"/],
  [{ form: '五绝', prompt: '明'.repeat(20) }, 'prompt', /nothing to write/],
  [{ form: '五绝', prompt: '空山不山山' }, 'tone', /does not fit.*tone 'loose' or 'off'/],
  [{ form: '五绝', prompt: '山', acrostic: '春江花月' }, 'prompt', /does not begin with 春/],
])('%j is rejected', async (options, option, message) => {
  await expect(generate(options)).rejects.toMatchObject({
    code: 'ERR_TANGSHI_INVALID_ARG',
    option,
    message: expect.stringMatching(message),
  });
});

test('an acrostic with an unknown character', async () => {
  await expect(generate({ acrostic: '鱻' })).rejects.toMatchObject({ code: 'ERR_TANGSHI_VOCAB' });
});
