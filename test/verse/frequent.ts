import { Vocab } from '../../lib/data/vocab';

/** Some of the most frequent characters of Tang poems. */
const FREQUENT =
  '不人山无一日云风来有上年何天春月自花时相中水君下生归此知秋门清长心未白见行今为事在如江多远三空夜'.concat(
    '子寒大去是家落草玉出流前青声高明路千里城万处马已新南与老回雪身复客长更道林思烟开西可夕石松光问独东归色',
    '书深闲十重欲龙气朝地金成同望故阳旧酒离入得情树孤海动香到鸟红谁飞别愁北安平晚叶心古好坐叹尘声愁楼头游舟秋休侯',
    '东风中空红同通终公翁宫穷功鸿蓬虫弓钟峰松龙容从封浓重冬江窗双支枝时诗知池迟悲为期微衣飞归稀鱼书居余如虚初无夫湖',
    '图途孤西溪低齐泥迷佳街柴灰来开台回梅杯真人春身新亲尘神文云君分军元原言门村寒安看残山间关闲先年天前泉烟仙萧桥朝',
    '遥宵肴高劳毛歌多河过波何麻花家沙斜华阳长香光芳霜章庚生行城声情青星庭蒸陵灯僧登尤秋流舟州愁楼头游侵心深阴林金音',
  );

/** Enough for every form with all rules. */
export const frequentVocab = Vocab.build([`${[...new Set(FREQUENT)].join('')}，。？`], { minCount: 1 });
