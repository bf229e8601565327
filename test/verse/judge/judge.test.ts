/** Proves the judge itself, so that its verdict on generated poems can be trusted. */
import { loadPoems } from '../../../lib/data/poems';
import { Judge, type Verdict } from './judge';
import { measure, type Shares } from './measure';
import { shuffled } from './shuffled';

let judge: Judge;
beforeAll(async () => {
  judge = await Judge.load();
});

const tonesOf = (char: string) => {
  const { level, oblique } = judge.readings(char);
  return `${level ? '平' : ''}${oblique ? '仄' : ''}`;
};

describe('readings', () => {
  test.each([...'风中生光如闲空何平征涯冲他'])('%s is only level', (char) => {
    expect(tonesOf(char)).toBe('平');
  });

  test.each([...'不几月日雨碗'])('%s is only oblique', (char) => {
    expect(tonesOf(char)).toBe('仄');
  });

  test.each([...'看难将教分相为吹思重过听更兴强判探干'])('%s is both level and oblique', (char) => {
    expect(tonesOf(char)).toBe('平仄');
  });

  // 平, 机 and 闲 stand for several traditional characters or have several level readings; the 廣韻 has 涯 in 支 and 佳,
  // 勤 in 文 and 宗 in 冬 only, and not the characters 間, 烹 and 腮.
  test.each([
    ['平', '庚', '先'],
    ['征', '庚', '东'],
    ['干', '寒', '先'],
    ['涯', '麻', '佳'],
    ['机', '微', '支'],
    ['闲', '删', '先'],
    ['勤', '真', '元'],
    ['宗', '东', '江'],
    ['间', '删', '先'],
    ['烹', '庚', '阳'],
    ['腮', '灰', '齐'],
    ['风', '东', '冬'],
    ['看', '寒', '删'],
  ])('%s rhymes in %s, not in %s', (char, group, other) => {
    const { groups } = judge.readings(char);
    expect([...groups]).toContain(group);
    expect([...groups]).not.toContain(other);
  });

  // 征 in 蒸 is 徵.
  test('a simplified character has the readings of its traditional ones', () => {
    expect([...judge.readings('征').groups].sort()).toEqual(['庚', '蒸'].sort());
    expect(tonesOf('里')).toBe('仄'); // 里 裏
    expect(tonesOf('发')).toBe('仄'); // 發 髮
  });

  test('an unknown character has none', () => {
    expect(judge.readings('☃')).toEqual({ level: false, oblique: false, groups: new Set() });
  });
});

const RIGHT = { tone: true, rhyme: true, firstLine: true, reasons: [] };
const CHUN_WANG =
  '国破山河在，城春草木深。感时花溅泪，恨别鸟惊心。烽火连三月，家书抵万金。白头搔更短，浑欲不胜簪。';
const STORK_TOWER = '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。';

describe('famous poems are right', () => {
  test.each([
    ['王之涣 登鹳雀楼', '五绝', STORK_TOWER],
    ['杜甫 春望', '五律', CHUN_WANG],
    [
      '王维 山居秋暝',
      '五律',
      '空山新雨后，天气晚来秋。明月松间照，清泉石上流。竹喧归浣女，莲动下渔舟。随意春芳歇，王孙自可留。',
    ],
    [
      '王勃 送杜少府之任蜀州, with 平平仄平仄',
      '五律',
      '城阙辅三秦，风烟望五津。与君离别意，同是宦游人。海内存知己，天涯若比邻。无为在歧路，儿女共沾巾。',
    ],
    ['李白 早发白帝城', '七绝', '朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。'],
    [
      '杜甫 蜀相',
      '七律',
      '丞相祠堂何处寻，锦官城外柏森森。映阶碧草自春色，隔叶黄鹂空好音。三顾频烦天下计，两朝开济老臣心。出师未捷身先死，长使英雄泪满襟。',
    ],
    [
      '杜甫 咏怀古迹, with 平平仄平仄 in lines of seven',
      '七律',
      '群山万壑赴荆门，生长明妃尚有村。一去紫台连朔漠，独留青冢向黄昏。画图省识春风面，环佩空归月夜魂。千载琵琶作胡语，分明怨恨曲中论。',
    ],
  ])('%s', (_, form, text) => {
    expect(judge.judge(text)).toEqual({ form, ...RIGHT });
  });
});

describe('faults', () => {
  const faultsOf = (verdict: Verdict) =>
    (['tone', 'rhyme', 'firstLine'] as const).filter((part) => !verdict[part]);

  test.each([
    // 李白 静夜思 and 王维 送元二使安西 are not regulated: in the second, line 3 does not adhere.
    ['tone', /line 2 does not alternate/, '床前明月光，疑是地上霜。举头望明月，低头思故乡。'],
    ['tone', /line 3 does not adhere/, '渭城朝雨浥轻尘，客舍青青柳色新。劝君更尽一杯酒，西出阳关无故人。'],
    // 登鹳雀楼 with one change each.
    ['tone', /line 2 is not opposite/, STORK_TOWER.replace('白日依山尽', '青山依日尽')],
    ['tone', /line 2 does not alternate/, STORK_TOWER.replace('黄河入海流', '黄河入江流')],
    ['tone', /line 2 does not alternate/, STORK_TOWER.replace('黄河入海流', '黄河入风流')],
    ['tone', /line 1 does not alternate/, STORK_TOWER.replace('白日依山尽', '白日依水尽')],
    ['tone', /line 3 ends in 乡, which is not oblique/, STORK_TOWER.replace('千里目', '千里乡')],
    ['rhyme', /流城 share no level rhyme group/, STORK_TOWER.replace('一层楼', '一层城')],
    ['rhyme', /流 rhymes with itself/, STORK_TOWER.replace('一层楼', '一层流')],
    ['firstLine', /line 1 ends in 风, which neither/, STORK_TOWER.replace('依山尽', '依山风')],
    ['firstLine', /line 1 rhymes with itself: 流/, STORK_TOWER.replace('依山尽', '依山流')],
    // 春望: the second half does not adhere to the first; 平平平平仄 is not the accepted variant.
    ['tone', /line 5 does not adhere/, CHUN_WANG.replace('烽火连三月，家书抵万金', '家书连万里，烽火抵三金')],
    ['tone', /line 7 does not alternate/, CHUN_WANG.replace('白头搔更短', '青头搔中短')],
  ] as const)('%s: %s', (part, reason, text) => {
    const verdict = judge.judge(text);
    expect(verdict.reasons).toContainEqual(expect.stringMatching(reason));
    expect(faultsOf(verdict)).toEqual([part]);
  });

  test('an oblique character at the end of a couplet is a fault of tone and rhyme', () => {
    const verdict = judge.judge(STORK_TOWER.replace('一层楼', '一层月'));
    expect(verdict.reasons).toContain('line 4 ends in 月, which is not level');
    expect(faultsOf(verdict)).toEqual(['tone', 'rhyme']);
  });

  // As the library once did: 风 as oblique, 平 in 先.
  test('readings that no poet used do not excuse a fault', () => {
    expect(judge.judge('东风吹荷叶，不惊春色高。桑田傍望远，西岸水悠滔。').tone).toBe(false);
    expect(judge.judge('我爱鸥沙上客滩，也知愁与白云连。手持双玉江南酒，未必侯家旧隐平。').reasons).toContain(
      '连平 share no level rhyme group',
    );
  });

  test.each(['', '白日依山尽，黄河入海流。', '白日依山尽，黄河入海流。欲穷千里目，更上层楼。'])(
    'no regulated form: %j',
    (text) => {
      const verdict = judge.judge(text);
      expect(verdict.form).toBeUndefined();
      expect(faultsOf(verdict)).toEqual(['tone', 'rhyme', 'firstLine']);
    },
  );
});

/**
 * Not all poems in the shape of a form are regulated. In `poems`, by form: tone .58 to .86, rhyme .79 to .95 (.97 to .99 of
 * those right in tone), first line .88 to .94.
 */
describe('real poems are right far more often than random characters', () => {
  let poems: readonly string[];
  beforeAll(async () => {
    poems = (await loadPoems({ data: 'poems', cleaning: 'modern', heldOut: 0 })).train;
  });

  test.each<[string, Shares]>([
    ['五绝', { tone: 0.5, rhyme: 0.75, firstLine: 0.85 }],
    ['七绝', { tone: 0.8, rhyme: 0.9, firstLine: 0.9 }],
    ['五律', { tone: 0.7, rhyme: 0.85, firstLine: 0.9 }],
    ['七律', { tone: 0.75, rhyme: 0.85, firstLine: 0.9 }],
  ])('%s', async (form, least) => {
    const real = poems.filter((text) => judge.judge(text).form === form);
    const shares = await measure(real);
    const random = await measure(shuffled(real));
    for (const part of ['tone', 'rhyme', 'firstLine'] as const)
      expect(shares[part]).toBeGreaterThan(least[part]);
    expect(random.tone).toBeLessThan(0.02);
    expect(random.rhyme).toBeLessThan(0.05);
    expect(random.firstLine).toBeLessThan(0.7);
  });

  test('poems with the right tones rhyme', async () => {
    const regulated = poems.filter((text) => judge.judge(text).tone);
    expect((await measure(regulated)).rhyme).toBeGreaterThan(0.97);
  });
});
