import { type CheckOptions, checkPoem } from '../../lib/verse/check/check';
import type { PoemCheck } from '../../lib/verse/check/findings';
import { formatCheck, formatFault } from '../../lib/verse/format-check';

const STORK_TOWER = '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。';
const RU_MENG_LING = '昨夜雨疏风骤，浓睡不消残酒。试问卷帘人，却道海棠依旧。知否，知否，应是绿肥红瘦。';

const termsOf = ({ faults }: PoemCheck) => faults.map(({ term }) => term);
const faultsOf = (text: string, options?: CheckOptions) => checkPoem(text, options).faults;
/** 登鹳雀楼 with one change. */
const changed = (from: string, to: string) => STORK_TOWER.replace(from, to);
/** The characters of the remarks with a term. */
const remarked = (check: PoemCheck, wanted: string) =>
  check.remarks
    .filter(({ term }) => term === wanted)
    .map(({ found }) => found)
    .join('');

describe('real poems without faults', () => {
  test.each<[title: string, form: string, rhyme: string, rescues: string, text: string]>([
    ['王之涣 登鹳雀楼', '五绝', '尤', '', STORK_TOWER],
    ['王维 相思', '五绝', '支', '', '红豆生南国，春来发几枝。愿君多采撷，此物最相思。'],
    ['杜甫 八阵图', '五绝', '虞', '', '功盖三分国，名成八阵图。江流石不转，遗恨失吞吴。'],
    ['李商隐 登乐游原', '五绝', '元', '不', '向晚意不适，驱车登古原。夕阳无限好，只是近黄昏。'],
    ['白居易 问刘十九', '五绝', '虞', '', '绿蚁新醅酒，红泥小火炉。晚来天欲雪，能饮一杯无？'],
    ['李白 早发白帝城', '七绝', '删', '', '朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。'],
    ['王之涣 凉州词', '七绝', '删', '杨', '黄河远上白云间，一片孤城万仞山。羌笛何须怨杨柳，春风不度玉门关。'],
    ['杜牧 泊秦淮', '七绝', '麻', '', '烟笼寒水月笼沙，夜泊秦淮近酒家。商女不知亡国恨，隔江犹唱后庭花。'],
    ['杜牧 江南春', '七绝', '东', '十', '千里莺啼绿映红，水村山郭酒旗风。南朝四百八十寺，多少楼台烟雨中。'],
    ['杜牧 清明', '七绝', '元', '', '清明时节雨纷纷，路上行人欲断魂。借问酒家何处有，牧童遥指杏花村。'],
    ['张继 枫桥夜泊', '七绝', '先', '', '月落乌啼霜满天，江枫渔火对愁眠。姑苏城外寒山寺，夜半钟声到客船。'],
    [
      '杜甫 春望',
      '五律',
      '侵',
      '',
      '国破山河在，城春草木深。感时花溅泪，恨别鸟惊心。烽火连三月，家书抵万金。白头搔更短，浑欲不胜簪。',
    ],
    [
      '杜甫 月夜',
      '五律',
      '寒',
      '儿虚',
      '今夜鄜州月，闺中只独看。遥怜小儿女，未解忆长安。香雾云鬟湿，清辉玉臂寒。何时倚虚幌，双照泪痕干。',
    ],
    [
      '王勃 送杜少府之任蜀州',
      '五律',
      '真',
      '歧',
      '城阙辅三秦，风烟望五津。与君离别意，同是宦游人。海内存知己，天涯若比邻。无为在歧路，儿女共沾巾。',
    ],
    [
      '王维 山居秋暝',
      '五律',
      '尤',
      '',
      '空山新雨后，天气晚来秋。明月松间照，清泉石上流。竹喧归浣女，莲动下渔舟。随意春芳歇，王孙自可留。',
    ],
    [
      '白居易 赋得古原草送别',
      '五律',
      '庚',
      '不',
      '离离原上草，一岁一枯荣。野火烧不尽，春风吹又生。远芳侵古道，晴翠接荒城。又送王孙去，萋萋满别情。',
    ],
    [
      '杜甫 蜀相',
      '七律',
      '侵',
      '',
      '丞相祠堂何处寻，锦官城外柏森森。映阶碧草自春色，隔叶黄鹂空好音。三顾频烦天下计，两朝开济老臣心。出师未捷身先死，长使英雄泪满襟。',
    ],
    [
      '杜甫 登高',
      '七律',
      '灰',
      '',
      '风急天高猿啸哀，渚清沙白鸟飞回。无边落木萧萧下，不尽长江滚滚来。万里悲秋常作客，百年多病独登台。艰难苦恨繁霜鬓，潦倒新停浊酒杯。',
    ],
    [
      '李商隐 锦瑟',
      '七律',
      '先',
      '',
      '锦瑟无端五十弦，一弦一柱思华年。庄生晓梦迷蝴蝶，望帝春心托杜鹃。沧海月明珠有泪，蓝田日暖玉生烟。此情可待成追忆，只是当时已惘然。',
    ],
    [
      '杜甫 咏怀古迹',
      '七律',
      '元',
      '胡',
      '群山万壑赴荆门，生长明妃尚有村。一去紫台连朔漠，独留青冢向黄昏。画图省识春风面，环佩空归月夜魂。千载琵琶作胡语，分明怨恨曲中论。',
    ],
  ])('%s', (_, form, rhyme, rescues, text) => {
    const check = checkPoem(text);
    expect(check).toMatchObject({ form, rhymeBook: '平水韵', ok: true, rhymes: [rhyme], faults: [] });
    expect(remarked(check, '拗救')).toBe(rescues);
    for (const [i, { rhymes }] of check.lines.entries()) if (i % 2 === 1) expect(rhymes).toBe(true);
  });

  test('清明 has a neighbouring rhyme in its first line', () => {
    const { remarks, lines } = checkPoem('清明时节雨纷纷，路上行人欲断魂。借问酒家何处有，牧童遥指杏花村。');
    expect(remarks).toEqual([{ line: 0, index: 6, found: '纷', term: '邻韵', taken: '文' }]);
    expect(lines[0]?.rhymes).toBe(true);
  });
});

describe('real poems with faults', () => {
  test.each<[title: string, faults: string[], text: string]>([
    ['王维 渭城曲', ['失粘 君'], '渭城朝雨浥轻尘，客舍青青柳色新。劝君更尽一杯酒，西出阳关无故人。'],
    ['李白 静夜思', ['出律 上', '出律 头'], '床前明月光，疑是地上霜。举头望明月，低头思故乡。'],
    [
      '李白 黄鹤楼送孟浩然之广陵',
      ['出律 人'],
      '故人西辞黄鹤楼，烟花三月下扬州。孤帆远影碧空尽，唯见长江天际流。',
    ],
    [
      '王维 使至塞上',
      ['失粘 蓬'],
      '单车欲问边，属国过居延。征蓬出汉塞，归雁入胡天。大漠孤烟直，长河落日圆。萧关逢候骑，都护在燕然。',
    ],
    [
      '崔颢 黄鹤楼',
      ['出律 去', '三平尾 空'],
      '昔人已乘黄鹤去，此地空余黄鹤楼。黄鹤一去不复返，白云千载空悠悠。晴川历历汉阳树，芳草萋萋鹦鹉洲。日暮乡关何处是，烟波江上使人愁。',
    ],
    [
      '李白 登金陵凤凰台',
      ['失粘 宫', '失粘 山'],
      '凤凰台上凤凰游，凤去台空江自流。吴宫花草埋幽径，晋代衣冠成古丘。三山半落青天外，二水中分白鹭洲。总为浮云能蔽日，长安不见使人愁。',
    ],
  ])('%s', (_, faults, text) => {
    const check = checkPoem(text);
    expect(check.ok).toBe(false);
    expect(check.faults.map(({ term, found }) => `${term} ${found}`)).toEqual(faults);
  });
});

describe('each fault by its term, at its place', () => {
  test.each<[text: string, fault: object]>([
    [
      '白日依山尽，万里入江流。不见长安路，青山一点愁。',
      { term: '失对', line: 1, index: 1, found: '里', expected: '平' },
    ],
    [
      '白日依山尽，黄河入海流。更上千峰望，青山一点愁。',
      { term: '失粘', line: 2, index: 1, found: '上', expected: '平' },
    ],
    [changed('依山尽', '依水尽'), { term: '出律', line: 0, index: 3, found: '水', expected: '平' }],
    [changed('千里目', '千里山'), { term: '出律', line: 2, index: 4, found: '山', expected: '仄' }],
    [changed('黄河入', '大河入'), { term: '孤平', line: 1, index: 1, found: '河' }],
    [changed('一层楼', '高层楼'), { term: '三平尾', line: 3, index: 2, found: '高' }],
    [changed('一层楼', '一层月'), { term: '落韵', line: 3, index: 4, found: '月', expected: '尤' }],
    [changed('一层楼', '一层山'), { term: '出韵', line: 3, index: 4, found: '山', expected: '尤' }],
    [changed('依山尽', '依山江'), { term: '出韵', line: 0, index: 4, found: '江', expected: '尤' }],
    [changed('一层楼', '一层流'), { term: '重韵', line: 3, index: 4, found: '流' }],
    [changed('一层楼', '一层〇'), { term: '读音不详', line: 3, index: 4, found: '〇', expected: '尤' }],
    [
      RU_MENG_LING.replace('知否，知否', '知否，闻否'),
      { term: '失叠', line: 5, index: 0, found: '闻', expected: '知否' },
    ],
  ])('%s', (text, fault) => {
    expect(checkPoem(text)).toMatchObject({ ok: false, faults: [fault] });
  });

  test('a couplet that begins wrongly is one fault, not the wrong tones of all its characters', () => {
    const { faults, lines } = checkPoem('渭城朝雨浥轻尘，客舍青青柳色新。劝君更尽一杯酒，西出阳关无故人。');
    expect(faults).toEqual([{ term: '失粘', line: 2, index: 1, found: '君', expected: '仄' }]);
    expect(lines.map(({ tones }) => tones)).toEqual([
      '仄平平仄仄平平',
      '仄仄平平仄仄平',
      '仄平中仄仄平仄', // 更 is read in both tones, where both are allowed
      '平仄平平平仄平',
    ]);
  });

  test('faults are in the order of the poem', () => {
    const { faults } = checkPoem('白水依水尽，大河入海流。欲穷千里山，更上高层山。');
    expect(faults.map(({ term }) => term)).toEqual(['出律', '孤平', '出律', '三平尾', '出韵']);
    expect(faults.map(({ line }) => line)).toEqual([0, 1, 2, 3, 3]);
  });
});

describe('strictness', () => {
  test.each<[text: string, strict: object[]]>([
    [changed('千里目', '万里目'), [{ term: '三仄尾', line: 2, index: 2, found: '万' }]],
    [changed('千里目', '千里口'), [{ term: '撞韵', line: 2, index: 4, found: '口', expected: '尤' }]],
    [
      '清明时节雨纷纷，路上行人欲断魂。借问酒家何处有，牧童遥指杏花村。',
      [{ term: '出韵', line: 0, index: 6, found: '纷', expected: '元' }],
    ],
    // 拗救, whatever its first character.
    [changed('欲穷千里目', '欲穷不时目'), []],
    [changed('欲穷千里目', '遥怜小儿女'), []],
  ])('%s', (text, faults) => {
    expect(checkPoem(text)).toMatchObject({ ok: true, faults: [] });
    expect(checkPoem(text, { strict: true })).toMatchObject({ ok: faults.length === 0, faults });
  });

  test('a neighbouring rhyme within the poem is a fault in regulated verse, in a ci only if strict', () => {
    expect(termsOf(checkPoem(changed('依山尽', '依山村').replace('入海流', '入海魂')))).toContain('出韵');
    const text =
      '一曲新词酒一杯，去年天气旧亭台。夕阳西下几时回。无可奈何花落去，似曾相识燕归来。小园香径独徘徊。';
    expect(checkPoem(text)).toMatchObject({ form: '浣溪沙', ok: true });
    expect(remarked(checkPoem(text), '邻韵')).toBe('台来');
    expect(faultsOf(text, { strict: true })).toMatchObject([
      { term: '出韵', line: 1, found: '台' },
      { term: '出韵', line: 4, found: '来' },
    ]);
  });
});

test('remarks tell the reading taken of a character with several, and a rare one', () => {
  const { remarks } = checkPoem('功盖三分国，名成八阵图。江流石不转，遗恨失吞吴。');
  expect(remarks).toEqual([{ line: 0, index: 3, found: '分', term: '多音字', taken: '平' }]);
  // 干 as 翰 (幹) is 8 of 100.
  expect(checkPoem(changed('白日', '白干')).remarks).toContainEqual({
    line: 0,
    index: 1,
    found: '干',
    term: '罕读',
    taken: '仄',
  });
  expect(checkPoem(changed('千里目', '千里难')).remarks).toEqual([
    { line: 2, index: 4, found: '难', term: '罕读', taken: '仄' },
  ]);
  // A reading that verse does not use is not accepted: 风 as 讽.
  expect(termsOf(checkPoem(changed('千里目', '千里风')))).toEqual(['出律']);
  // What the rhyme book does not have may be read as it fits, but not rhyme.
  expect(checkPoem(changed('白日', '白〇'))).toMatchObject({
    ok: true,
    remarks: expect.arrayContaining([{ line: 0, index: 1, found: '〇', term: '读音不详', taken: '仄' }]),
  });
});

describe('old-style verse', () => {
  test.each([
    ['五古', '第八部', '春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。'],
    ['五古', '第十八部', '千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。'],
    [
      '七古',
      '第十七部',
      '汉皇重色思倾国，御宇多年求不得。杨家有女初长成，养在深闺人未识。天生丽质难自弃，一朝选在君王侧。回眸一笑百媚生，六宫粉黛无颜色。',
    ],
  ])('%s: %s', (form, rhyme, text) => {
    expect(checkPoem(text)).toMatchObject({ form, rhymeBook: '词林正韵', ok: true, rhymes: [rhyme] });
  });

  test('characters of a group of the 平水韵 rhyme although ci divide it', () => {
    const text = '白日依山尽，黄河入海言。欲穷千里目，更上一层门。';
    expect(checkPoem(text, { form: '五古' })).toMatchObject({ ok: true, faults: [] });
    expect(checkPoem(text, { form: '五古', rhymeBook: '中华通韵' }).faults).toHaveLength(2);
  });

  test('rhymes may change, but each line needs another that rhymes', () => {
    const rows = ['汉皇重色思倾国，御宇多年求不得。', '杨家有女初长成，养在深闺人未识。'];
    const change = '春眠不觉天将晓，处处风中闻啼鸟。夜来风雨作春声，满地花飞知多少。';
    expect(checkPoem(rows.join('') + change, { form: '七古' })).toMatchObject({
      ok: true,
      rhymes: ['第十七部', '第八部'],
    });
    expect(faultsOf(rows[0] + change + rows[1], { form: '七古' })).toEqual([
      { term: '落韵', line: 1, index: 6, found: '得' },
      { term: '落韵', line: 7, index: 6, found: '识' },
    ]);
  });
});

describe('couplets', () => {
  test.each([
    '春风得意马蹄疾，旭日临窗鸟语香',
    '海内存知己，天涯若比邻。',
    '墙上芦苇，头重脚轻根底浅；山间竹笋，嘴尖皮厚腹中空',
  ])('%s', (text) => {
    expect(checkPoem(text)).toMatchObject({ form: '对联', ok: true, faults: [] });
  });

  test('the second line opposes the first at even places and at the end', () => {
    expect(faultsOf('春风得意马蹄疾，春日临窗鸟语月')).toEqual([
      { term: '失对', line: 1, index: 6, found: '月', expected: '平' },
    ]);
    expect(faultsOf('春天得意马蹄疾，春山临窗鸟语香')).toEqual([
      { term: '失对', line: 1, index: 1, found: '山', expected: '仄' },
    ]);
    expect(faultsOf('春风得意马蹄疾，旭日临水鸟山香')).toEqual([
      { term: '失对', line: 1, index: 3, found: '水', expected: '平' },
      { term: '失对', line: 1, index: 5, found: '山', expected: '仄' },
    ]);
    // 平平仄平仄 in the first line.
    expect(checkPoem('苔痕上阶绿，草色入帘青')).toMatchObject({ form: '对联', ok: true });
    // 难 is hardly ever oblique.
    expect(checkPoem('春难得意马蹄疾，春山临窗鸟语香').remarks).toEqual([
      { line: 0, index: 1, found: '难', term: '罕读', taken: '仄' },
    ]);
    const reversed = '旭日临窗鸟语香，春风得意马蹄疾';
    expect(termsOf(checkPoem(reversed))).toEqual([]);
    expect(termsOf(checkPoem(reversed, { strict: true }))).toEqual(['出律']);
    expect(
      termsOf(checkPoem('墙上芦苇，头重脚轻根底浅；山间竹笋，嘴尖皮厚腹中空', { strict: true })),
    ).toEqual(['失对']);
  });

  test('its halves must have the same lengths', () => {
    const unequal = checkPoem('春风得意马蹄疾，旭日临窗鸟语', { form: '对联' });
    expect(unequal.ok).toBeUndefined();
    expect(unequal.expectedLengths).toEqual([7, 7]);
    expect(checkPoem('春风得意马蹄疾，旭日临窗鸟语').form).toBeUndefined();
  });
});

const RED_CLIFF =
  '大江东去，浪淘尽，千古风流人物。故垒西边，人道是，三国周郎赤壁。乱石穿空，惊涛拍岸，卷起千堆雪。江山如画，一时多少豪杰。\n\n遥想公瑾当年，小乔初嫁了，雄姿英发。羽扇纶巾，谈笑间，樯橹灰飞烟灭。故国神游，多情应笑我，早生华发。人生如梦，一尊还酹江月。';

describe('ci', () => {
  test.each([
    ['如梦令', '第十二部', RU_MENG_LING],
    ['忆江南', '第十四部', '江南好，风景旧曾谙。日出江花红胜火，春来江水绿如蓝。能不忆江南？'],
    [
      '菩萨蛮',
      '第十七部、第十二部、第十七部、第十一部',
      '平林漠漠烟如织，寒山一带伤心碧。暝色入高楼，有人楼上愁。玉阶空伫立，宿鸟归飞急。何处是归程，长亭更短亭。',
    ],
    [
      '西江月',
      '第七部',
      '明月别枝惊鹊，清风半夜鸣蝉。稻花香里说丰年，听取蛙声一片。七八个星天外，两三点雨山前。旧时茅店社林边，路转溪桥忽见。',
    ],
    [
      '卜算子',
      '第四部',
      '驿外断桥边，寂寞开无主。已是黄昏独自愁，更着风和雨。无意苦争春，一任群芳妒。零落成泥碾作尘，只有香如故。',
    ],
    [
      '虞美人',
      '第八部、第一部、第五部、第十二部',
      '春花秋月何时了，往事知多少。小楼昨夜又东风，故国不堪回首月明中。雕栏玉砌应犹在，只是朱颜改。问君能有几多愁，恰似一江春水向东流。',
    ],
    [
      '水调歌头',
      '第七部',
      '明月几时有，把酒问青天。不知天上宫阙，今夕是何年。我欲乘风归去，又恐琼楼玉宇，高处不胜寒。起舞弄清影，何似在人间。转朱阁，低绮户，照无眠。不应有恨，何事长向别时圆。人有悲欢离合，月有阴晴圆缺，此事古难全。但愿人长久，千里共婵娟。',
    ],
    [
      '满江红',
      '第十八部',
      '怒发冲冠，凭栏处、潇潇雨歇。抬望眼，仰天长啸，壮怀激烈。三十功名尘与土，八千里路云和月。莫等闲、白了少年头，空悲切。靖康耻，犹未雪。臣子恨，何时灭。驾长车，踏破贺兰山缺。壮志饥餐胡虏肉，笑谈渴饮匈奴血。待从头、收拾旧山河，朝天阙。',
    ],
  ])('%s is recognised by its lines', (form, rhymes, text) => {
    expect(checkPoem(text)).toMatchObject({ form, rhymeBook: '词林正韵', ok: true, faults: [] });
    expect(checkPoem(text).rhymes.join('、')).toBe(rhymes);
  });

  test('念奴娇·赤壁怀古 is recognised by its title, in the division of modern editions', () => {
    for (const title of ['念奴娇·赤壁怀古\n苏轼\n', '念奴嬌 赤壁懷古\n', '《酹江月》\n'])
      expect(checkPoem(title + RED_CLIFF)).toMatchObject({ form: '念奴娇', ok: true, rhymes: ['第十八部'] });
  });

  test('a title does not turn a poem of other lengths into its ci, but it cannot be judged', () => {
    const check = checkPoem(`如梦令\n${RU_MENG_LING.replace('试问卷帘人', '试问那卷帘人')}`);
    expect(check).toMatchObject({ form: '如梦令', faults: [], expectedLengths: [6, 6, 5, 6, 2, 2, 6] });
    expect(check.ok).toBeUndefined();
  });

  test('a wrong tone, and a line that does not rhyme', () => {
    expect(faultsOf(RU_MENG_LING.replace('残酒', '残香'))).toEqual([
      { term: '落韵', line: 1, index: 5, found: '香', expected: '第十二部' },
    ]);
    expect(faultsOf(RU_MENG_LING.replace('卷帘人', '卷幕人'))).toEqual([
      { term: '出律', line: 2, index: 3, found: '幕', expected: '平' },
    ]);
  });
});

test('a template of one’s own', () => {
  const pattern = '平平仄仄平平韵。|仄平仄仄平平韵。平仄仄平平韵。';
  expect(checkPoem('春风不见青天，何日到人间。', { pattern }).ok).toBe(true);
  expect(termsOf(checkPoem('春风不见青天，何日到东风。', { pattern }))).toEqual(['出韵']);
  expect(checkPoem('春风不见青天，明月照前川。', { pattern })).toMatchObject({
    ok: true,
    rhymes: ['先'],
    rhymeBook: '平水韵',
  });
  expect(checkPoem('不风不见青天，明月照前川。', { pattern }).ok).toBe(true);
  expect(checkPoem('春风不见青天，明月照前。', { pattern }).expectedLengths).toEqual([6, 5]);
});

test('a poem that cannot be judged has tones, but no verdict', () => {
  const three = checkPoem('春眠不觉晓，处处闻啼鸟。夜来风雨声。');
  expect(three).toMatchObject({ expectedLengths: [], rhymes: [], faults: [], remarks: [] });
  expect(three).not.toHaveProperty('ok');
  expect(three).not.toHaveProperty('form');
  expect(three.lines.map(({ tones }) => tones)).toEqual(
    ['平平仄仄仄', '仄仄平平仄', '仄平平仄平'].map((t) => expect.stringMatching(t.replace(/./g, '[$&中]'))),
  );
  const other = checkPoem(STORK_TOWER, { form: '七律' });
  expect(other).toMatchObject({ form: '七律', expectedLengths: Array(8).fill(7) });
  expect(other.ok).toBeUndefined();
  expect(checkPoem('').lines).toEqual([]);
});

test('traditional characters, and half-width punctuation', () => {
  const check = checkPoem(
    '國破山河在,城春草木深.感時花濺淚,恨別鳥驚心.烽火連三月,家書抵萬金.白頭搔更短,渾欲不勝簪.',
  );
  expect(check).toMatchObject({ form: '五律', ok: true, rhymes: ['侵'] });
  expect(check.lines[2]?.text).toBe('感時花濺淚');
  expect(checkPoem(STORK_TOWER, { form: '五言絕句' })).toMatchObject({ form: '五绝', ok: true });
});

test('by the tones and rhymes of modern Mandarin', () => {
  // 风 and 声 are 东 and 庚 in the 平水韵; 竹 and 白 are level only in Mandarin.
  const text = '青山飞细雨，远树起微风。小径无人到，黄昏听鸟声。';
  expect(checkPoem(text, { rhymeBook: '中华通韵' })).toMatchObject({
    ok: true,
    rhymes: ['英'],
    rhymeBook: '中华通韵',
  });
  expect(faultsOf(text)).toEqual([{ term: '出韵', line: 3, index: 4, found: '声', expected: '东' }]);
  const modern = text.replace('黄昏听鸟声', '青竹听鸟声');
  expect(checkPoem(modern, { rhymeBook: '中华通韵' }).ok).toBe(true);
  expect(termsOf(checkPoem(modern))).toContain('出律');
});

test.each<[CheckOptions, string, RegExp]>([
  [{ form: '六绝' }, 'form', /^Unknown form "六绝"\. Choose 五绝, 七绝, .*如梦令/],
  [{ form: '6x4' }, 'form', /Unknown form "6x4"/],
  [{ form: 'toString' }, 'form', /Unknown form "toString"/],
  [{ rhymeBook: '唐韵' as never }, 'rhymeBook', /Unknown rhyme book "唐韵".*中华通韵/],
  [{ rhymeBook: 'toString' as never }, 'rhymeBook', /Unknown rhyme book/],
  [{ pattern: '平平仄。\n平x仄。' }, 'pattern', /Unexpected "x" in line 2 of the template: 平x仄/],
  [{ form: '五绝', pattern: '平。' }, 'pattern', /form has no effect with pattern/],
  [{ strict: 1 as never }, 'strict', /strict/],
  [{ tone: 'off' } as never, 'tone', /tone/],
])('%j is rejected', (options, option, message) => {
  expect(() => checkPoem(STORK_TOWER, options)).toThrow(
    expect.objectContaining({
      code: 'ERR_TANGSHI_INVALID_ARG',
      option,
      message: expect.stringMatching(message),
    }),
  );
});

test('a text that is none is rejected', () => {
  for (const text of [undefined, null, 5, ['白日']])
    expect(() => checkPoem(text as never)).toThrow(/Expected a string for text/);
});

describe('for people', () => {
  test('a poem with its tones and rhymes', () => {
    const rows = [
      '白日依山尽',
      '仄仄平平仄',
      '黄河入海流',
      '平平仄仄平 韵',
      '欲穷千里目',
      '仄平平仄仄',
      '更上一层楼',
      '中仄仄平平 韵',
    ];
    const check = checkPoem(STORK_TOWER);
    expect(formatCheck(check)).toBe([...rows, '[五绝, rhymes in 尤 (平水韵), no faults]'].join('\n'));
    expect(formatCheck(check, 'zh')).toBe([...rows, '[五绝，押尤韵（平水韵），合律]'].join('\n'));
  });

  test('faults and remarks below the verdict', () => {
    const faulty = checkPoem(changed('千里目', '千里山'));
    expect(formatCheck(faulty)).toMatch(
      /1 fault\]\n {2}出律, line 3, character 5: 山 is not 仄（欲穷千里山）$/,
    );
    expect(formatCheck(faulty, 'zh')).toMatch(
      /1 处不合\]\n {2}出律：第 3 句第 5 字，“山”应为仄（欲穷千里山）$/,
    );
    const remarks = checkPoem('功盖三分国，名成八阵图。遥怜小儿女，遗恨失吞吴。');
    expect(formatCheck(remarks)).toMatch(
      /\n {2}拗救 \(a variant of the pattern, accepted\): 儿（平）\n {2}多音字 \(readings taken\): 分（平）$/,
    );
    expect(formatCheck(remarks, 'zh')).toMatch(/\n {2}多音字（所取读音）：分（平）$/);
  });

  test('why a poem cannot be judged', () => {
    expect(formatCheck(checkPoem('春眠不觉晓，处处闻啼鸟。夜来风雨声。'))).toMatch(
      /\[cannot be judged: no form has lines of 5, 5, 5 characters\]$/,
    );
    const other = checkPoem('白日依山尽，黄河入海流。', { form: '五绝' });
    expect(formatCheck(other)).toMatch(
      /\[cannot be judged: 五绝 has lines of 5, 5, 5, 5 characters, this poem of 5, 5\]$/,
    );
    expect(formatCheck(other, 'zh')).toMatch(/\[无法判断：五绝各句应为 5、5、5、5 字，此诗为 5、5 字\]$/);
  });

  test('every term is explained in both languages', () => {
    const terms = '失粘 失对 出律 孤平 三平尾 三仄尾 落韵 出韵 重韵 撞韵 失叠 读音不详'.split(' ');
    for (const term of terms) {
      const fault = { term, line: 2, index: 3, expected: '平', found: '望' } as never;
      expect(formatFault(fault)).toMatch(new RegExp(`^${term}, line 3, character 4: [^{}]+$`));
      expect(formatFault(fault, 'zh')).toMatch(new RegExp(`^${term}：第 3 句第 4 字，[^{}a-z]+$`));
    }
    expect(formatFault({ term: '出律', line: 2, index: 3, expected: '平', found: '望' })).toBe(
      '出律, line 3, character 4: 望 is not 平',
    );
  });

  test('something else is rejected', () => {
    expect(() => formatCheck({} as never)).toThrow(/Expected what checkPoem returns for check/);
    expect(() => formatFault({} as never)).toThrow(/Expected a fault that checkPoem found for fault/);
  });
});
