/**
 * Variants that remain after conversion to simplified characters, each followed by its standard form. From the variants
 * of the Unihan database (kSemanticVariant, kZVariant) that occur in the built-in corpora and are not in the Table of
 * General Standard Chinese Characters (通用规范汉字表, 2013), where both have the same reading and meaning. Japanese forms
 * that Unihan does not list were added by hand.
 */
const VARIANTS = `
隠隐 疎疏 鴈雁 頼赖 慙惭 徧遍 劒剑 粧妆 鬭斗 媿愧 猨猿 蘂蕊 臯皋 僊仙 鬬斗 鼇鳌 髙高 馿驴 櫂棹
煖暖 覩睹 賸剩 牋笺 妬妒 罇樽 隣邻 餠饼 隄堤 斾旆 懽欢 閙闹 彊强 鉏锄 筯箸 臞癯 堦阶 峩峨 檝楫
怱匆 缾瓶 燄焰 畧略 遯遁 鏁锁 穉稚 廻回 飜翻 犂犁 嚬颦 鼈鳖 麤粗 怳恍 羃幂 栢柏 欵款 竝并 磵涧
醆盏 暎映 羮羹 槩概 覊羁 秔粳 歳岁 顦憔 緜绵 壻婿 揺摇 竚伫 讐雠 烱炯 旛幡 幙幕 呌叫 偪逼 鵶鸦
輙辄 碁棋 甿氓 箎篪 諠喧 朶朵 憇憩 螘蚁 瑯琅 翺翱 荅答 盌碗 醿醾 餽馈 廐厩 倐倏 皷鼓 臙胭 棃梨
鸎莺 瓈璃 蕚萼 躭耽 濶阔 厓崖 瑠琉 粃秕 揜掩 澣浣 囘回 氊毡 効效 毘毗 寘置 帬裙 舡船 繖伞 塲场
戯戏 駮驳 噉啖 趂趁 筭算 衞卫 啗啖 闗关 輭软 飡餐 呪咒 廼乃 箒帚 勅敕 鸜鸲 脇胁 窻窗 牕窗 燿耀
槖橐 澁涩 碪砧 汚污 觧解 椶棕 寃冤 斚斝 鞵鞋 袠帙 狥徇 陁陀 倣仿 勗勖 徬彷 麞獐 甖罂 蒭刍 歴历
駞驼 嘷嗥 襃褒 甆瓷 黙默 舃舄 飇飙 匳奁 徃往 髩鬓 鰕虾 覔觅 刼劫 尅克 袵衽 蠭蜂 鞾靴 湼涅 菓果
煇辉 氷冰 鷰燕 胷胸 覇霸 蜨蝶 瀁漾 鎻锁 敺驱 顋腮 眎视 鶵雏 膓肠 欝郁 恡吝 昻昂 濵滨 纎纤 勑敕
韈袜 颿帆 蹏蹄 蔾藜 荳豆 窓窗 攅攒 甎砖 麄粗 臈腊 畆亩 嗁啼 簁筛 煑煮 壍堑 冩写 戸户 悤匆 籐藤
匵椟 崪崒 齩咬 鑛矿 鵞鹅 凴凭 斅敩 吚咿 砲炮 趦趑 沲沱 敍叙 蜋螂 鼃蛙 竢俟 臝裸 擥揽 韮韭 鬴釜
謌歌 帀匝 娬妩 郷乡 賮赆 糓谷 蕋蕊 歗啸 罋瓮 螾蚓 騐验 皡皞 羗羌 鬂鬓 醻酬 埜野 甽畎 樷丛 隲骘
阬坑 覰觑 婬淫 涖莅 蠏蟹 倂并 齅嗅 徤健 瑇玳 抝拗 畊耕 蹷蹶 酖鸩 糺纠 樐橹 尀叵 艸草 絖纩 攷考
瘉愈 炤照 黒黑 厪廑 藷薯 甞尝 骾鲠 娯娱 韤袜 騘骢 歕喷 匊掬 稭秸 熈熙 廹迫 愽博 頟额 餙饰 縚绦
昬昏 譌讹 婣姻 稉粳 墖塔 酧酬 堘塍 墝硗 呑吞 貛獾 躶裸 鈆铅 忼慷 皥皞 痺痹 衂衄 礮炮 逓递 拕拖
窰窑 凂浼 鼔鼓 噏吸 恠怪 摠总 肧胚 饟饷 蟁蚊 庬厖 諵喃 餻糕 刦劫 蹮跹 杇圬 賛赞 玁猃 砦寨 叡睿
稾稿 揑捏 暱昵 觕粗 叅参 搤扼 唫吟 潬滩 苢苡 刅创 鑚钻 玆兹 嫰嫩 扵于 栰筏 戹厄 蘐萱 篴笛 緤绁
瓟匏 宂冗 辠罪 宼寇 坵丘 咲笑 鬽魅 亊事 驘骡 讁谪 軰辈 夣梦 賷赍 蝃䗖 寠窭 饍膳 銕铁 碯瑙 獧狷
羙美 岀出 揷插 穅糠 稺稚 臿锸 毉医 簷檐 鬰郁 髪发 浄净 鶑莺 珮佩 嬾懒 歛敛 飚飙 褭袅 垅垄 寛宽
鳯凤 熳漫 毬球 髣仿 髴佛 秪只 秖只 懃勤 慇殷 踈疏 潄漱 蹔暂 悮误 邉边 顇悴 逈迥 蔕蒂 桮杯 笻筇
穽阱 姪侄 牓榜 遰递 纒缠 薫薰 頳赪 䜩宴 毎每 蠧蠹 瓌瑰 藂丛 羇羁 徴征 敧欹 懐怀 渇渴 髠髡 逺远
啣衔 様样 艶艳 虵蛇 雝雍 筩筒 裀茵 朞期 巌岩 鬛鬣 寜宁 琖盏 闚窥 嚢囊 勲勋 鐡铁 醤酱 穏稳 逰游
淛浙 柟楠 轝舆 嵒岩 凖准 彜彝 糢模 賖赊 喣煦 傚效 耡锄 撃击 囓啮 篛箬 痩瘦 専专 塼砖 貎貌 眀明
覧览 禆裨 曵曳 帯带 捜搜 颕颖 劔剑 聨联 蝱虻 僣僭 戞戛 蠒茧 涙泪 頬颊 飬养 皜皓 覉羁 舩船 巓巅
崕崖 壊坏 荘庄 旍旌 亷廉 圗图 觝抵 籓藩 囏艰 皐皋 壌壤 聴听 鍳鉴 縦纵 擕携 褎袖 冨富 繋系 瑉珉
聮联 醸酿 樝楂 磎溪 疉叠 冦寇 緐繁 喦岩 儵倏 爼俎 籖签 瞇眯 斲斫 斵斫 斮斫 虀齑 搆构 睠眷 蜺霓
葅菹 譍应 閴阒 櫺棂 艣橹 沍冱 蟇蟆
`;

const STANDARD = new Map(
  VARIANTS.trim()
    .split(/\s+/)
    .map((pair) => [...pair] as [string, string]),
);
const ANY_VARIANT = new RegExp(`[${[...STANDARD.keys()].join('')}]`, 'gu');

/**
 * Replaces variants of simplified characters by their standard forms.
 *
 * @example
 * standardForms('鴈字廻时'); // '雁字回时'
 */
export function standardForms(text: string): string {
  return text.replace(ANY_VARIANT, (variant) => STANDARD.get(variant) as string);
}

/** A private-use character, which no conversion changes. */
const QIAN = '\uE000';

/**
 * 乾 read qián (heaven, the first trigram, names of eras) stays 乾 in simplified characters; read gān (dry) it becomes 干.
 * The converter knows 乾坤 and a few other words; these are the others in the corpora.
 */
const QIAN_WORDS =
  /(?<![未不初已欲半聲淚雨露痕墨拭])乾(?=[安明德淳符曜綱文封龍健端剛行寧祐竺興策清宮光位始陽樞統維儀造門三圖卦隆])|(?<=[竺承體純西御配資法惕象])乾(?![坤枯])/gu;

/** The same words where the source already has 干. */
const QIAN_WRITTEN_GAN = /干(?=[符纲德]|封(?!侯)|元[元初寺])|(?<=竺)干|(?<=承)干(?=[动帝])/gu;

/**
 * Simplified characters in their standard forms.
 *
 * @param text In traditional characters.
 * @param simplified The same, converted.
 * @param simplify The converter.
 */
export function toStandardForms(
  text: string,
  simplified: string,
  simplify: (text: string) => string,
): string {
  const marked = text.replace(QIAN_WORDS, QIAN);
  const kept = marked === text ? simplified : simplify(marked).replaceAll(QIAN, '乾');
  return standardForms(kept.replace(QIAN_WRITTEN_GAN, '乾'));
}
