import { Vocab } from '../../lib/data/vocab';
import { Rng } from '../../lib/util/rng';
import { checkPoem } from '../../lib/verse/check';
import { type FormOptions, isFormName, isToneRule } from '../../lib/verse/form-options';
import { Form } from '../../lib/verse/forms';
import { isRhymeGroup, Prosody } from '../../lib/verse/readings';
import { frequentVocab as vocab } from './frequent';

/** For each character, a plan has the index of a mask and of a rhyme, or -1. */
const masksOf = (plan: Int32Array) => [...plan].filter((_, i) => i % 2 === 0);
const rhymesOf = (plan: Int32Array) => [...plan].filter((_, i) => i % 2 === 1);
const IDS = Array.from({ length: vocab.size }, (_, id) => id);

const formOf = (options: FormOptions) => new Form(options, vocab);
const planOf = (options: FormOptions, prompt = '') => formOf(options).plan(prompt, 1, Rng.of(1))[0];

/** Poems of random characters that the masks of a form allow. Rhymes are not considered. */
function randomPoems(options: FormOptions, count: number): string[] {
  const form = formOf(options);
  const rng = Rng.of(1, 'test');
  const plans = form.plan('', count, rng);
  const { masks } = form.constraint(plans);
  const allowed = (mask: number) => IDS.filter((id) => masks[mask * vocab.size + id] === 1);
  const draw = (ids: readonly number[]) => ids[rng.below(ids.length)] as number;
  return plans.map((plan) => vocab.decode(masksOf(plan).map((mask) => draw(allowed(mask)))));
}

test.each(['五绝', '七绝', '五律', '七律'] as const)('the masks of %s allow only its tones', (form) => {
  for (const poem of randomPoems({ form }, 50)) {
    expect(checkPoem(poem)).toMatchObject({ form, tone: { ok: true, faults: [] } });
    expect(poem).toMatch(/^([^，。]+，[^，。]+。)+$/);
  }
});

test('strict also forbids three equal tones at the end of a line', () => {
  for (const poem of randomPoems({ form: '七律', tone: 'strict' }, 50))
    for (const { tones } of checkPoem(poem).lines) expect(tones).not.toMatch(/(平平平|仄仄仄)$/);
});

test('even lines rhyme, and in some plans the first', () => {
  const plans = formOf({ form: '五绝' }).plan('', 50, Rng.of(1));
  const rhymes = new Set(
    plans.map((plan) =>
      rhymesOf(plan)
        .flatMap((rhyme, i) => (rhyme === 0 ? [i] : []))
        .join(),
    ),
  );
  expect(rhymes).toEqual(new Set(['10,22', '4,10,22']));
  expect(new Set(rhymesOf(planOf({ form: '五绝', rhyme: false }) as Int32Array))).toEqual(new Set([-1]));
});

test('the rhyme groups are those of the vocabulary, or the given one', () => {
  const { groups, allowedGroups } = formOf({ form: '五绝', rhymeGroup: '东' }).constraint([]);
  expect([...allowedGroups]).toEqual([1]);
  for (const id of IDS.slice(3)) {
    const char = vocab.decode([id]);
    if (/\p{Script=Han}/u.test(char)) expect(groups[id]).toBe(Prosody.load().reading(char).groups & 1);
  }
});

test('a plan has a mask and a rhyme per character, and starts with the acrostic', () => {
  const form = formOf({ form: '3x4', acrostic: '春江花' });
  expect(form.length).toBe(15);
  const [plan] = form.plan('', 1, Rng.of(1)) as [Int32Array];
  expect(plan).toHaveLength(30);
  const { masks } = form.constraint([plan]);
  const heads = [0, 5, 10].map((at) => {
    const mask = (plan[2 * at] as number) * vocab.size;
    return vocab.decode(IDS.filter((id) => masks[mask + id] === 1));
  });
  expect(heads.join('')).toBe('春江花');
});

test('a prompt gets the punctuation of the form, and lines are split there', () => {
  const form = formOf({ form: '五绝' });
  expect(form.punctuate('白日 依山尽，黄河。')).toBe('白日依山尽，黄河');
  expect(form.punctuate('')).toBe('');
  expect(() => form.punctuate('山'.repeat(20))).toThrow(/nothing to write/);
  expect(form.linesOf('白日依山尽，黄河入海流。')).toEqual(['白日依山尽，', '黄河入海流。']);
});

test('the same random numbers give the same plans', () => {
  expect(planOf({ form: '七律' })).toEqual(planOf({ form: '七律' }));
});

test('a prompt that fits no tone pattern is rejected', () => {
  expect(() => planOf({ form: '五绝' }, '空山不山山')).toThrow(/does not fit the rules/);
  expect(planOf({ form: '五绝', tone: 'off', rhyme: false }, '空山不山山')).toHaveLength(48);
});

test('type guards for values from a request', () => {
  for (const form of ['五绝', '七絕', '6x4', '40x20', '6×4']) expect(isFormName(form)).toBe(true);
  for (const other of ['六绝', '0x4', '41x4', '4x21', 'toString', '', null, 5, ['五绝']])
    expect(isFormName(other)).toBe(false);
  expect(['strict', 'loose', 'off', 'on', null].map(isToneRule)).toEqual([true, true, true, false, false]);
  expect(['东', '咸', '東', '', 0].map(isRhymeGroup)).toEqual([true, true, false, false, false]);
});

test('a vocabulary without punctuation, as from poems stripped of it, supports no form', () => {
  const bare = Vocab.build(['床前明月光疑是地上霜'], { minCount: 1 });
  expect(() => new Form({ form: '五绝' }, bare)).toThrow(
    expect.objectContaining({
      code: 'ERR_TANGSHI_VOCAB',
      option: 'form',
      message: expect.stringMatching(
        /^A form needs the punctuation ， and 。.* trained on poems without punctuation/,
      ),
    }),
  );
});

test('the error for an unknown character of an acrostic suggests characters that sound alike', () => {
  // 垚 is yáo, 鑫 xīn.
  expect(() => formOf({ acrostic: '垚鑫春' })).toThrow(
    expect.objectContaining({
      code: 'ERR_TANGSHI_VOCAB',
      option: 'acrostic',
      message: expect.stringMatching(
        /has 垚, 鑫, which .*垚 sounds like .*[肴遥].*, 鑫 sounds like .*[心新]/,
      ),
    }),
  );
});
