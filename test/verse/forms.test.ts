import { generatePoems, type Poem, type PoemOptions, Session, Vocab, type Writer } from '../../lib';
import { measureForms } from '../../lib/eval/measures';
import { judge } from '../../lib/verse/check';
import { Prosody, RHYME_GROUPS } from '../../lib/verse/readings';

// A thousand of the most frequent characters of Tang poems will do; the network has learned nothing.
const FREQUENT =
  '不人山无一日云风来有上年何天春月自花时相中水君下生归此知秋门清长心未白见行今为事在如江多远三空夜'.concat(
    '子寒大去是家落草玉出流前青声高明路千里城万处马已新南与老回雪身复客长更道林思烟开西可夕石松光问独东归色',
    '书深闲十重欲龙气朝地金成同望故阳旧酒离入得情树孤海动香到鸟红谁飞别愁北安平晚叶心古好坐叹尘声愁楼头游舟秋休侯',
    '东风中空红同通终公翁宫穷功鸿蓬虫弓钟峰松龙容从封浓重冬江窗双支枝时诗知池迟悲为期微衣飞归稀鱼书居余如虚初无夫湖',
    '图途孤西溪低齐泥迷佳街柴灰来开台回梅杯真人春身新亲尘神文云君分军元原言门村寒安看残山间关闲先年天前泉烟仙萧桥朝',
    '遥宵肴高劳毛歌多河过波何麻花家沙斜华阳长香光芳霜章庚生行城声情青星庭蒸陵灯僧登尤秋流舟州愁楼头游侵心深阴林金音',
  );
const prosody = Prosody.load();
let writer: Writer;
let session: Session;

beforeAll(async () => {
  const vocab = Vocab.build([`${[...new Set(FREQUENT)].join('')}，。？`], { minCount: 1 });
  session = await Session.open({
    model: {
      ...{ cell: 'gru', vocabSize: vocab.size, embedDim: 8, hiddenDim: 12, layers: 1, dropout: 0 },
      ...{ tieWeights: false, reluLogits: false, xavierOutput: false },
    },
    optimizer: { kind: 'rmsprop', alpha: 0.99, eps: 1e-8, weightDecay: 0 },
    ...{ device: 'cpu', seed: 1n, threads: 1 },
  });
  writer = { session, vocab };
});
afterAll(() => session.dispose());

const write = (options: PoemOptions) => generatePoems(writer, { seed: 1, bestOf: 1, ...options });
const failure = (message: RegExp) =>
  expect.objectContaining({ code: 'EARG', message: expect.stringMatching(message) });

test.each(['五绝', '七绝', '五律', '七律'] as const)(
  '%s by a network that knows nothing: form, rhyme and tone are right',
  async (form) => {
    for (const { text, lines, ended } of await write({ form, count: 50, temperature: 1.5 })) {
      const verdict = judge(text, prosody);
      expect(verdict.form).toBe(form);
      expect(verdict.rhyme).toMatchObject({ keeps: true });
      expect(verdict.tone).toEqual({ keeps: true, faults: [] });
      expect(ended).toBe(true);
      expect(lines).toHaveLength(form.endsWith('律') ? 8 : 4);
      expect(lines.join('')).toBe(text);
      expect(text).toMatch(/^([^，。]+，[^，。]+。)+$/);
    }
  },
);

test('the beginning decides on the pattern, and stands as it is given', async () => {
  for (const prompt of ['湖', '明月', '山中一夜', '白日空山']) {
    for (const { text } of await write({ form: '五绝', prompt, count: 10 })) {
      expect(text.startsWith(prompt)).toBe(true);
      expect(judge(text, prosody).tone?.keeps).toBe(true);
    }
  }
  const [{ text }] = (await write({ form: '七绝', prompt: '春风 不见旧时人，万里' })) as [Poem];
  expect(text).toMatch(/^春风不见旧时人，万里/);
});

test('a first line that ends level rhymes with the others, or is refused', async () => {
  for (const { text } of await write({ form: '五绝', prompt: '明月上空楼', count: 20, tone: 'off' })) {
    expect(judge(text, prosody).rhyme).toMatchObject({ keeps: true, groups: expect.arrayContaining(['尤']) });
  }
});

test('all forms of one seed are the same again, and differ by the seed', async () => {
  const poems = await write({ form: '七绝', count: 3 });
  expect(await write({ form: '七绝', count: 3 })).toEqual(poems);
  expect(await write({ form: '七绝', count: 3, seed: 2 })).not.toEqual(poems);
});

test('a rhyme group that is asked for', async () => {
  for (const { text } of await write({ form: '七律', rhymeGroup: '东', count: 5 })) {
    const { rhyme } = judge(text, prosody);
    expect(rhyme?.keeps).toBe(true);
    expect(rhyme?.groups).toContain('东');
  }
  expect(RHYME_GROUPS).toHaveLength(30);
});

test('strict: no three alike at the end of a line', async () => {
  for (const { text } of await write({ form: '七律', tone: 'strict', count: 20 })) {
    for (const { tones } of judge(text, prosody).lines) expect(tones).not.toMatch(/(平平平|仄仄仄)$/);
  }
});

test('any lines and characters, without rules unless they are asked for', async () => {
  const [{ text, lines }] = (await write({ form: '3x4' })) as [Poem];
  expect(text).toMatch(/^[^，。]{4}，[^，。]{4}。[^，。]{4}。$/);
  expect(lines).toHaveLength(3);
});

test('an acrostic, with a form or as long as it is', async () => {
  const heads = (lines: readonly string[]) => lines.map((line) => [...line][0]).join('');
  for (const { lines } of await write({ acrostic: '春江花月', form: '五绝', count: 5 }))
    expect(heads(lines)).toBe('春江花月');
  const [{ lines }] = (await write({ acrostic: '明月山' })) as [Poem];
  expect(heads(lines)).toBe('明月山');
  expect(lines[0]).toHaveLength(6);
});

test('a mood changes what is written, and is no part of it', async () => {
  const plain = await write({ form: '五绝', prompt: '湖', count: 3 });
  const moody = await write({ form: '五绝', prompt: '湖', count: 3, mood: '秋风清，秋月明' });
  expect(moody).not.toEqual(plain);
  for (const { text, lines } of moody) {
    expect(text.startsWith('湖')).toBe(true);
    expect(lines).toHaveLength(4);
    expect(judge(text, prosody)).toMatchObject({
      form: '五绝',
      rhyme: { keeps: true },
      tone: { keeps: true },
    });
  }
  await expect(write({ mood: '鱻' })).rejects.toMatchObject({ code: 'EVOCAB' });
});

test('a search gives the same poem each time, and keeps to the form', async () => {
  const search = () => generatePoems(writer, { form: '五律', prompt: '山', beam: 8 });
  const [poem] = await search();
  expect(await search()).toEqual([poem]);
  expect(judge(poem?.text ?? '', prosody)).toMatchObject({
    ...{ form: '五律', rhyme: { keeps: true }, tone: { keeps: true } },
  });
});

test('of drafts, the likeliest that repeats least', async () => {
  const repeats = async (bestOf: number) => {
    const poems = await write({ form: '七律', count: 20, bestOf, repetitionPenalty: 0 });
    return poems.reduce((sum, { text }) => sum + [...text].length - new Set(text).size, 0);
  };
  expect(await repeats(10)).toBeLessThan(await repeats(1));
});

test('many poems are written with fewer drafts, not refused', async () => {
  const poems = await generatePoems(writer, { form: '2x3', count: 5000, seed: 1 });
  expect(poems).toHaveLength(5000);
});

test('what cannot be is refused by name', async () => {
  await expect(write({ form: '八股' as never })).rejects.toEqual(failure(/no form 八股.*七绝/));
  await expect(write({ form: '0x5' })).rejects.toEqual(failure(/no form 0x5/));
  await expect(write({ form: 'toString' as never })).rejects.toEqual(failure(/no form toString/));
  await expect(write({ form: '五绝', tone: 'soft' as never })).rejects.toEqual(failure(/tone.*soft/));
  await expect(write({ acrostic: '春，夏。' })).rejects.toEqual(failure(/Han characters/));
  await expect(write({ acrostic: '' })).rejects.toEqual(failure(/Han characters/));
  await expect(write({ rhymeGroup: '东' })).rejects.toEqual(failure(/rhymeGroup needs a form/));
  await expect(write({ form: '五绝', maxLength: 5 })).rejects.toEqual(failure(/maxLength/));
  await expect(write({ prompt: null as never })).rejects.toEqual(failure(/prompt.*null/));
  await expect(write({ form: '五绝', acrostic: '春江' })).rejects.toEqual(failure(/2 characters.*4 lines/));
  await expect(write({ form: '五绝', rhymeGroup: '猫' as never })).rejects.toEqual(
    failure(/no rhyme group 猫/),
  );
  await expect(write({ form: '五绝', prompt: '明'.repeat(20) })).rejects.toEqual(failure(/nothing to write/));
  await expect(write({ form: '五绝', prompt: '空山不山山' })).rejects.toEqual(
    failure(/does not fit.*--tone off/),
  );
  await expect(write({ form: '五绝', prompt: '山', acrostic: '春江花月' })).rejects.toEqual(
    failure(/does not begin with 春/),
  );
  await expect(write({ bestOf: 0 })).rejects.toEqual(failure(/bestOf/));
  await expect(write({ acrostic: '鱻' })).rejects.toMatchObject({ code: 'EVOCAB' });
});

test('measures: what is written keeps the rules, what is drawn at random does not, and copies are found', async () => {
  const corpus = [
    '白日空山静，黄花入梦来。欲知千里月，更上一层台。',
    '春风不见人，明月照江津。欲问归何处，空山秋水深。',
  ];
  const all = await measureForms(writer, corpus, { count: 20, seed: 1 });
  expect(all.map(({ form }) => form)).toEqual(['五绝', '七绝', '五律', '七律']);
  for (const { model, random } of all) {
    expect(model).toMatchObject({ poems: 20, form: 1, rhyme: 1, tone: 1, copiedLines: 0 });
    expect(random.tone).toBeLessThan(0.2);
    expect(model.longestCopy).toBeGreaterThan(0);
  }
  expect(all[0]?.real).toMatchObject({ poems: 2, form: 1 });
});
