/**
 * Readings decided by hand, each character followed by its groups of the 平水韵.
 *
 * Characters that the 廣韻 has only in another form, or not at all, after the 平水韵, and checked against the tones and
 * rhymes of the corpus.
 */
const NOT_IN_GUANGYUN = `
间删谏 魂元 众送 荆庚 潇萧 联先 鞍寒 皓皓 韩寒 迤支纸 烹庚 着药 刹黠 样漾 你纸 仑元 享养 髭支 拆陌 另敬 缈筱 倘养 槁皓 歘物
撑庚 鶒职 暌齐 罕旱 厩宥 蝴虞 嫦阳 肇筱 壳觉 耗号 勾尤 泼曷 姮蒸 婷青 郄陌 祛鱼 壖先 淘豪 孽屑 缧支 鹡陌 鸶支 樗鱼 搘支
爷麻 恓齐 嶤萧 徭萧 婀歌 焙队 鶗齐 蘗屑 拽屑 柿纸 嵓咸 玫灰 缗真 蚋霁 赚陷 缊文问 娼阳 滤御 隟陌 撒曷 撇屑 糵屑 蟏萧 琊麻
䴙锡 薝盐 葡虞 㔉沃 饧庚 罡阳 晰锡 蘖屑 嘿职 揶麻 挝麻 飓遇 駈虞 緫董 澘删 噀愿 潨东 嘴纸 崭豏 唼合 毶覃 冏梗 箆齐 橛月
菹鱼 榕冬 璈豪 橤纸 匼合 絏屑 簴语 喂未 铘麻 漩先 朣东 皞皓 㸌药 玛马 轭陌 𢬵寒 顚先 塌合 胚灰 阨陌 窝歌 幛漾 龆萧 摹虞
簌屋 托药 棋支 吊啸 裙文 捣皓 匝合 党养 污虞 卮支 垄肿 胸冬 玳队 婿霁 匆东 琉尤 碗旱 幂锡 蒂霁 熳翰 溯遇 抬灰 腮灰 棕东
咒宥 熔冬 觑御 滚阮 鹚支 做个 怎寝 搬寒 辣曷 磁支 狠阮 皈微 聼青径 麹屋 馀鱼 锺冬 褪愿 裤遇 拿麻 耍马 晌养 咱麻 哩支 躲哿 她麻 们元 吗马 啊麻 您寝 找巧 摔质 奶蟹 咖麻 呀麻 叭黠
`;

/** Readings that the 平水韵 has and the 廣韻 has not, confirmed by rhymes in the corpus. */
const ADDED = `
涯麻 崖麻 他麻 并庚 漫寒 攒寒 澌支 么歌 机支 斤真 了萧 罢祃 脸琰 韵问 那马 追灰 宁径 馆旱 探勘 判寒 娆萧
`;

/**
 * Readings of the 廣韻 that verse hardly uses, too rare in rhymes to be weighed by them; and 征, which stands for 徵 in
 * simplified characters, but is not understood as 徵 (蒸) where it rhymes.
 */
const RARE = `
后宥 若马 两漾 尚阳 引震 隐问 且鱼 令青 解卦 谷沃 羽遇 韵震 罢纸 泛洽 被纸 每队 那个 旗微 放养 佛未 部有 遣霰 荡漾 养漾
杀卦 仰漾 左个 洗铣 醒径 等贿 贾祃 聚遇 宛元 提支 丁庚 染艳 视寘 霭曷 仆沃 辨谏 激啸 讵御 厚宥 巧效 反元 绶宥 腊陌 淡感琰
瀑号 晏翰 祝宥 认径 打迥 告沃 濯效 撰铣 拔月 漾养 雍宋 祭卦 絮祃 忝艳 圃遇 蜂东 滑月 骊齐 榜敬 脸豏 渴屑 薜陌 湲删 费寘
奠径 惹药 趁铣 泻祃 夭皓 奸寒 掇屑 朴屋 攻冬 暴屋 蜡祃 渌屋 竭屑 麝陌 荔寘 竺沃 较觉 俸董 辍霁 璃齐 唳屑 冒职 侄屑 磷震
徼萧 蓼屋 沫泰 玳沃 嵯支 寨职 揭霁 镂虞 桧曷 豸蟹 滥豏 溺药 闪艳 祷号 衍霰 酝吻 倩敬 曝号 艾队 崎微 瑁队沃 晒寘 峒送 癖锡
征蒸 坐个 斤文 厌盐 振真 咬肴 曲屋
`;

/** Groups by character to add to those of the 廣韻. */
export const ADDED_GROUPS = parse(`${NOT_IN_GUANGYUN} ${ADDED}`);
/** Groups by character that are not to be used for writing. */
export const RARE_GROUPS = parse(RARE);

function parse(text: string): ReadonlyMap<string, readonly string[]> {
  const entries = text
    .trim()
    .split(/\s+/)
    .map((entry) => [...entry] as [string, ...string[]]);
  return new Map(entries.map(([char, ...groups]) => [char, groups]));
}
