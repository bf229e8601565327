import { Vocab } from '../../lib/data/vocab';
import type { LogitConstraint } from '../../lib/native/contract';
import { Rng } from '../../lib/util/rng';
import { checkPoem } from '../../lib/verse/check/check';
import { CI_PATTERNS } from '../../lib/verse/ci-patterns';
import { type FormOptions, isFormName, isToneRule } from '../../lib/verse/form-options';
import { Form } from '../../lib/verse/forms';
import { mayEndLine } from '../../lib/verse/pingshui';
import { commonReadings, rhymeBook } from '../../lib/verse/rhyme-book';
import { bundledVocab } from './bundled-vocab';

let vocab: Vocab;
let ids: number[];
beforeAll(async () => {
  vocab = await bundledVocab();
  ids = Array.from({ length: vocab.size }, (_, id) => id);
});

/** A position of a plan. */
type Step = Readonly<{ mask: number; rhyme: number; table: number; repeats: number }>;

const NUMBERS = 4;
const stepsOf = (plan: Int32Array) =>
  Array.from({ length: plan.length / NUMBERS }, (_, i): Step => {
    const [mask, rhyme, table, repeats] = plan.subarray(i * NUMBERS) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return { mask, rhyme, table, repeats };
  });
const formOf = (options: FormOptions, prompt = '') => new Form(options, vocab, prompt);
const planOf = (options: FormOptions, prompt = '') => {
  const form = formOf(options, prompt);
  return form.plan(form.punctuate(prompt), 1, Rng.of(1))[0] as Int32Array;
};
const rhymesOf = (plan: Int32Array) => stepsOf(plan).map(({ rhyme }) => rhyme);

/** Draws poems as the network does with equal probabilities: by masks, rhyme groups and repeated positions. */
function randomPoems(options: FormOptions, count: number, prompt = ''): string[] {
  const form = formOf(options, prompt);
  const rng = Rng.of(1, 'test');
  const start = form.punctuate(prompt);
  const plans = form.plan(start, count, rng);
  const constraint = form.constraint(plans);
  return plans.map((plan) => vocab.decode(draw(stepsOf(plan), [...vocab.encode(start)], constraint, rng)));
}

function draw(
  steps: readonly Step[],
  start: readonly number[],
  constraint: LogitConstraint,
  rng: Rng,
): number[] {
  const { masks, groups, allowedGroups } = constraint;
  const words = allowedGroups.length;
  const shares = new Map<number, Uint32Array>();
  const drawn: number[] = [];
  const taken = new Map<number, number[]>();
  const groupsOf = (table: number, id: number) =>
    groups.subarray((table * vocab.size + id) * words).slice(0, words);
  for (const [i, { mask, rhyme, table, repeats }] of steps.entries()) {
    const left = shares.get(rhyme) ?? allowedGroups;
    const shared = (id: number) => groupsOf(table, id).map((word, at) => word & (left[at] as number));
    const used = taken.get(rhyme) ?? [];
    const mayRhyme = (id: number) =>
      rhyme < 0 || (!used.includes(id) && shared(id).some((word) => word !== 0));
    const allowed =
      repeats < 0
        ? ids.filter((id) => masks[mask * vocab.size + id] === 1 && mayRhyme(id))
        : [drawn[repeats]];
    const id = start[i] ?? allowed[rng.below(allowed.length)];
    if (id === undefined) throw new Error(`No character is allowed at position ${i}`);
    if (rhyme >= 0) {
      shares.set(rhyme, shared(id));
      taken.set(rhyme, [...used, id]);
    }
    drawn.push(id);
  }
  return drawn;
}

describe('whatever the network prefers, the rules hold', () => {
  test.each(['五绝', '七绝', '五律', '七律', '五排', '七排', '五古', '七古'])('%s', (form) => {
    for (const poem of randomPoems({ form }, 40)) {
      expect({ poem, faults: checkPoem(poem, { form }).faults }).toEqual({ poem, faults: [] });
      expect(poem).toMatch(/^([^，。]+，[^，。]+。)+$/);
    }
  });

  test.each(Object.keys(CI_PATTERNS))('%s', (form) => {
    for (const poem of randomPoems({ form }, 5)) {
      const { ok, faults } = checkPoem(poem, { form });
      expect({ poem, ok, faults }).toEqual({ poem, ok: true, faults: [] });
    }
  });

  test('by the 中华通韵', () => {
    for (const form of ['七律', '满江红'])
      for (const poem of randomPoems({ form, rhymeBook: '中华通韵' }, 10))
        expect(checkPoem(poem, { form, rhymeBook: '中华通韵' })).toMatchObject({ ok: true, faults: [] });
  });

  test('a template of one’s own, all of its alternatives', () => {
    const pattern = '平平仄仄平平韵。|仄平仄仄平平韵。平仄。平仄叠。仄仄平平韵。';
    const poems = randomPoems({ pattern }, 60);
    for (const poem of poems) expect(checkPoem(poem, { pattern })).toMatchObject({ ok: true, faults: [] });
    expect(new Set(poems.map((poem) => checkPoem(poem, { pattern }).lines[0]?.tones[0]))).toEqual(
      new Set('平仄'),
    );
    for (const poem of poems) expect(poem).toMatch(/。(..)。\1。/u);
  });
});

test('rhymes of several tones, also in alternatives, share a part of the 词林正韵', () => {
  for (const pattern of ['平仄韵。平平韵。中中韵。', '平仄韵。|平平韵。平仄韵。']) {
    const options = { pattern, rhymeBook: '词林正韵' } as const;
    for (const poem of randomPoems(options, 40))
      expect(checkPoem(poem, { ...options, strict: true })).toMatchObject({ ok: true, faults: [] });
    expect(() => formOf({ pattern })).toThrow(expect.objectContaining({ option: 'rhymeBook' }));
  }
});

test('regulated verse has no three equal tones at the end of a line', () => {
  for (const form of ['五律', '七律'])
    for (const poem of randomPoems({ form }, 50))
      expect(checkPoem(poem, { strict: true }).faults.filter(({ term }) => term.startsWith('三'))).toEqual(
        [],
      );
});

test('lines end in characters that poets end them with; without a rhyme, in those of one tone', () => {
  const book = rhymeBook('平水韵');
  for (const poem of randomPoems({ form: '七律' }, 50))
    for (const [i, line] of checkPoem(poem).lines.entries()) {
      const end = [...line.text].at(-1) as string;
      expect({ end, mayEnd: mayEndLine(end) }).toEqual({ end, mayEnd: true });
      const tones = new Set(commonReadings(book, end).map(({ tone }) => tone));
      if (i > 0 && i % 2 === 0) expect({ end, tones }).toEqual({ end, tones: new Set(['oblique']) });
    }
});

test('loose: only the second, fourth, sixth and last characters of lines count', () => {
  const poems = randomPoems({ form: '七绝', tone: 'loose' }, 50);
  const terms = new Set(poems.flatMap((poem) => checkPoem(poem).faults.map(({ term }) => term)));
  for (const term of terms) expect(['孤平', '三平尾']).toContain(term);
  expect(terms.size).toBeGreaterThan(0);
});

describe('rhymes', () => {
  const rhymingAt = (plan: Int32Array) => rhymesOf(plan).flatMap((rhyme, i) => (rhyme === 0 ? [i] : []));

  test('even lines rhyme, and in some plans the first', () => {
    const plans = formOf({ form: '五绝' }).plan('', 50, Rng.of(1));
    expect(new Set(plans.map((plan) => rhymingAt(plan).join()))).toEqual(new Set(['10,22', '4,10,22']));
    expect(new Set(rhymesOf(planOf({ form: '五绝', rhyme: false })))).toEqual(new Set([-1]));
  });

  test('change in some ci', () => {
    expect(new Set(rhymesOf(planOf({ form: '菩萨蛮' })))).toEqual(new Set([-1, 0, 1, 2, 3]));
    expect(new Set(rhymesOf(planOf({ form: '浣溪沙' })))).toEqual(new Set([-1, 0]));
  });

  test('of one rhyme in several tones use the groups of each tone', () => {
    // 西江月: level rhymes, and oblique ones of the same part.
    const steps = stepsOf(planOf({ form: '西江月' })).filter(({ rhyme }) => rhyme === 0);
    expect(steps.map(({ table }) => table)).toEqual([0, 0, 1, 0, 0, 1]);
  });

  test('are in a given group', () => {
    for (const group of ['东', '東', '删'])
      for (const poem of randomPoems({ form: '七律', rhymeGroup: group }, 5))
        expect(checkPoem(poem).rhymes).toEqual([group === '東' ? '东' : group]);
    for (const poem of randomPoems({ form: '水调歌头', rhymeGroup: '第七部' }, 3))
      expect(checkPoem(poem, { form: '水调歌头' })).toMatchObject({ ok: true, rhymes: ['第七部'] });
  });

  test('a character has the groups of its common readings in each tone', () => {
    const { groups, allowedGroups } = formOf({ form: '西江月' }).constraint([]);
    expect(allowedGroups).toHaveLength(1);
    expect(groups).toHaveLength(3 * vocab.size);
    const book = rhymeBook('词林正韵');
    const [id] = vocab.encode('看') as unknown as [number];
    const bit = (name: string) => 1 << book.groups.indexOf(name);
    expect([groups[id], groups[vocab.size + id]]).toEqual([bit('第七部'), bit('第七部')]);
    const [, moon] = vocab.encode('，月') as unknown as [number, number];
    expect([groups[moon], groups[vocab.size + moon]]).toEqual([0, 0]); // entering tones never rhyme with level ones
  });
});

test('如梦令 repeats a line', () => {
  const steps = stepsOf(planOf({ form: '如梦令' }));
  expect(steps.flatMap(({ repeats }, i) => (repeats < 0 ? [] : [[i, repeats]]))).toEqual([
    [30, 27],
    [31, 28],
  ]);
  for (const poem of randomPoems({ form: '如梦令' }, 5)) expect(poem).toMatch(/。(..)。\1。/u);
});

describe('punctuation and lines', () => {
  test('a prompt gets the punctuation of the form', () => {
    const form = formOf({ form: '五绝' });
    expect(form.punctuate('白日 依山尽，黄河。')).toBe('白日依山尽，黄河');
    expect(form.punctuate('白日依山尽')).toBe('白日依山尽，');
    expect(form.punctuate('')).toBe('');
    expect(() => form.punctuate('山'.repeat(20))).toThrow(/prompt of 20 characters leaves nothing to write/);
  });

  test('lines of one length are separate, a ci has a sentence per line, by stanzas', () => {
    expect(formOf({ form: '五绝' }).stanzasOf('白日依山尽，黄河入海流。')).toEqual([
      ['白日依山尽，', '黄河入海流。'],
    ]);
    const ci = formOf({ form: '卜算子' });
    const text =
      '驿外断桥边，寂寞开无主。已是黄昏独自愁，更着风和雨。无意苦争春，一任群芳妒。零落成泥碾作尘，只有香如故。';
    expect(ci.stanzasOf(text)).toEqual([
      ['驿外断桥边，寂寞开无主。', '已是黄昏独自愁，更着风和雨。'],
      ['无意苦争春，一任群芳妒。', '零落成泥碾作尘，只有香如故。'],
    ]);
    expect(ci.stanzasOf('驿外断桥边，寂寞开无主。')).toEqual([['驿外断桥边，寂寞开无主。']]);
    expect(ci.stanzasOf('')).toEqual([]);
  });

  test('without 、 in the vocabulary, as in that of the bundled model, ， stands for it', () => {
    const other = Vocab.build([`${vocab.toJSON().characters.join('')}、`], { minCount: 1 });
    const punctuated = (own: Vocab) =>
      new Form({ form: '满江红' }, own).punctuate('怒发冲冠凭栏处潇潇雨歇抬');
    expect(punctuated(other)).toBe('怒发冲冠，凭栏处、潇潇雨歇。抬');
    expect(punctuated(vocab)).toBe('怒发冲冠，凭栏处，潇潇雨歇。抬');
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
});

describe('acrostics', () => {
  const headsOf = (form: Form, plan: Int32Array, places: readonly number[]) => {
    const { masks } = form.constraint([plan]);
    const steps = stepsOf(plan);
    return places
      .map((at) => vocab.decode(ids.filter((id) => masks[(steps[at] as Step).mask * vocab.size + id] === 1)))
      .join('');
  };

  test('each line begins with its character', () => {
    const form = formOf({ form: '3x4', acrostic: '春江花' });
    expect(form.length).toBe(15);
    const [plan] = form.plan('', 1, Rng.of(1)) as [Int32Array];
    expect(plan).toHaveLength(NUMBERS * 15);
    expect(headsOf(form, plan, [0, 5, 10])).toBe('春江花');
  });

  test('、 ends no line', () => {
    const other = Vocab.build([`${vocab.toJSON().characters.join('')}、`], { minCount: 1 });
    for (const own of [vocab, other])
      expect(() => new Form({ form: '鹊桥仙', acrostic: '春江' }, own)).toThrow(
        /2 characters, but the form has 10 lines/,
      );
  });

  test('without a form, their number gives the length of the lines', () => {
    expect(formOf({ acrostic: '春江花月' }).length).toBe(4 * 8);
    expect(formOf({ acrostic: '春江花' }).length).toBe(3 * 6);
  });

  test('in regulated verse and ci, the rest follows the rules', () => {
    for (const poem of randomPoems({ form: '五绝', acrostic: '春江花月' }, 10)) {
      expect(poem).toMatch(/^春....，江....。花....，月....。$/u);
      expect(checkPoem(poem).faults).toEqual([]);
    }
    for (const poem of randomPoems({ form: '卜算子', acrostic: '春江花月夜山水风' }, 5))
      expect(poem).toMatch(/^春....，江....。花......，月....。夜....，山....。水......，风....。$/u);
  });

  test('a character whose tone no pattern allows still begins its line', () => {
    for (const poem of randomPoems({ form: '忆江南', acrostic: '月春江花夜' }, 5)) {
      expect(poem).toMatch(/^月..，春....。江......，花......。夜....。$/u);
      expect(checkPoem(poem, { form: '忆江南' }).faults).toMatchObject([{ term: '出律', line: 0, index: 0 }]);
    }
  });

  test('the error for an unknown character suggests characters that sound alike', () => {
    // 垚 is yáo, 鑫 xīn.
    expect(() => formOf({ acrostic: '垚鑫春' })).toThrow(
      expect.objectContaining({
        code: 'ERR_TANGSHI_VOCAB',
        option: 'acrostic',
        message: expect.stringMatching(/has 垚, 鑫, which .*垚 sounds like .*谣摇, 鑫 sounds like 薪馨/),
      }),
    );
  });
});

describe('prompts', () => {
  test('decide the pattern', () => {
    // 空 is rarely oblique, so that 白日空山 is no beginning of 仄仄仄平平.
    for (const prompt of ['白日', '白日依山尽', '春风不见人，明月', '白日空山'])
      for (const poem of randomPoems({ form: '五绝' }, 10, prompt)) {
        expect(poem.startsWith(prompt)).toBe(true);
        expect(checkPoem(poem).faults).toEqual([]);
      }
  });

  test('that end in a rhyme decide the rhyme', () => {
    for (const poem of randomPoems({ form: '五绝' }, 10, '明月上空楼'))
      expect(checkPoem(poem)).toMatchObject({ ok: true, rhymes: ['尤'] });
  });

  test('that fit no pattern are rejected', () => {
    expect(() => planOf({ form: '五绝' }, '空山不山山')).toThrow(/does not fit the rules/);
    expect(planOf({ form: '五绝', tone: 'off', rhyme: false }, '空山不山山')).toHaveLength(NUMBERS * 24);
    expect(() => planOf({ form: '五绝', rhymeGroup: '东' }, '明月上空楼，')).toThrow(
      /does not fit the rules/,
    );
  });
});

describe('couplets', () => {
  test.each([
    ['春风得意马蹄疾', /^春风得意马蹄疾，.{7}。$/u],
    ['春风得意马蹄疾，', /^春风得意马蹄疾，.{7}。$/u],
    ['墙上芦苇，头重脚轻根底浅', /^墙上芦苇，头重脚轻根底浅。.{4}，.{7}。$/u],
  ])('the second line answers %s', (first, shape) => {
    for (const poem of randomPoems({ form: '对联' }, 20, first)) {
      expect(poem).toMatch(shape);
      expect(checkPoem(poem, { form: '对联' })).toMatchObject({ ok: true, faults: [] });
    }
  });

  test.each([
    ['', /needs its first line/],
    ['。', /needs its first line/],
    ['山'.repeat(101), /may have 100 characters, but has 101/],
  ])('%j is no first line', (first, message) => {
    expect(() => formOf({ form: '对联' }, first)).toThrow(
      expect.objectContaining({
        code: 'ERR_TANGSHI_INVALID_ARG',
        option: 'prompt',
        message: expect.stringMatching(message),
      }),
    );
  });
});

test('lines gives the length of 排律 and old-style verse', () => {
  expect(formOf({ form: '五排', lines: 20 }).length).toBe(20 * 6);
  expect(formOf({ form: '五排' }).length).toBe(12 * 6);
  expect(formOf({ form: '七古', lines: 4 }).length).toBe(4 * 8);
  for (const poem of randomPoems({ form: '七排', lines: 20 }, 5))
    expect(checkPoem(poem)).toMatchObject({ form: '七排', ok: true });
});

test('lines x characters have no rules by default, and those of regulated verse if asked', () => {
  expect(new Set(rhymesOf(planOf({ form: '6x5' })))).toEqual(new Set([-1]));
  for (const poem of randomPoems({ form: '4x5', tone: 'strict', rhyme: true }, 20))
    expect(checkPoem(poem)).toMatchObject({ form: '五绝', ok: true });
  expect(
    rhymesOf(planOf({ form: '4x6', rhyme: true })).filter((rhyme) => rhyme === 0).length,
  ).toBeGreaterThan(1);
  expect(new Set(rhymesOf(planOf({ form: '6x4', tone: 'strict' })))).toEqual(new Set([-1]));
});

test('the same random numbers give the same plans', () => {
  for (const form of ['七律', '水调歌头']) expect(planOf({ form })).toEqual(planOf({ form }));
});

test.each<[FormOptions, option: string, message: RegExp]>([
  [{ form: '六绝' }, 'form', /Unknown form "六绝"\. Choose 五绝, .*, or LxC such as 6x4 \(up to 40x20\)/],
  [{ form: '41x5' }, 'form', /Unknown form "41x5"/],
  [{ form: '五绝', pattern: '平。' }, 'pattern', /form has no effect with pattern/],
  [{ pattern: '平x。' }, 'pattern', /Unexpected "x" in line 1/],
  [{ form: '五绝', lines: 8 }, 'lines', /lines needs a form whose length can be chosen/],
  [{ lines: 8, acrostic: '春江' }, 'lines', /lines needs a form whose length can be chosen/],
  [{ form: '五排', lines: 7 }, 'lines', /even number of lines from 4 to 40 but received 7/],
  [{ form: '五古', lines: 42 }, 'lines', /received 42/],
  [{ form: '五绝', rhyme: false, rhymeGroup: '东' }, 'rhymeGroup', /no effect without rhyme/],
  [
    { form: '五绝', rhyme: false, tone: 'off', rhymeBook: '平水韵' },
    'rhymeBook',
    /no effect without rhyme and tones/,
  ],
  [{ form: '五绝', rhymeBook: '唐韵' as never }, 'rhymeBook', /Unknown rhyme book "唐韵"/],
  [{ form: '五绝', rhymeGroup: '湖' }, 'rhymeGroup', /Unknown rhyme group "湖" of the 平水韵/],
  [{ form: '如梦令', rhymeGroup: '东' }, 'rhymeGroup', /Unknown rhyme group "东" of the 词林正韵/],
  [{ form: '五绝', rhymeGroup: '董' }, 'rhymeGroup', /needs 4 平 characters in 董/],
  [{ form: '菩萨蛮', rhymeGroup: '第一部' }, 'rhymeGroup', /several rhymes/],
  [{ form: '如梦令', tone: 'loose' }, 'tone', /a rule of regulated verse/],
  [{ form: '五绝', acrostic: '春江' }, 'acrostic', /2 characters, but the form has 4 lines/],
  [{ acrostic: '' }, 'acrostic', /Expected Han characters/],
])('%j is rejected', (options, option, message) => {
  expect(() => formOf(options)).toThrow(
    expect.objectContaining({
      code: 'ERR_TANGSHI_INVALID_ARG',
      option,
      message: expect.stringMatching(message),
    }),
  );
});

test('a vocabulary with too few rhymes is rejected', () => {
  const few = Vocab.build(['明月光，霜。'], { minCount: 1 });
  expect(() => new Form({ form: '五绝' }, few)).toThrow(
    expect.objectContaining({
      option: 'rhyme',
      message: expect.stringMatching(/no rhyme group of 4 characters: try rhyme false/),
    }),
  );
  expect(new Form({ form: '五绝', rhyme: false }, few).length).toBe(24);
});

test('type guards for values from a request', () => {
  for (const form of ['五绝', '七絕', '6x4', '40x20', '6×4', '对联', '滿江紅', '贺新凉'])
    expect(isFormName(form)).toBe(true);
  for (const other of ['六绝', '0x4', '41x4', '4x21', 'toString', '', null, 5, ['五绝']])
    expect(isFormName(other)).toBe(false);
  expect(['strict', 'loose', 'off', 'on', null].map(isToneRule)).toEqual([true, true, true, false, false]);
});
