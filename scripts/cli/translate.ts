import type { Rejection } from '../../lib/data/clean';
import { t } from './language';

const REJECTIONS_IN_CHINESE: Readonly<Record<Rejection, string>> = {
  blank: '空行',
  format: '格式不符',
  'skip-character': '含有须跳过的字符',
  note: '含有注释',
  latin: '含有字母或数字',
  damaged: '有缺字或乱码',
  foreign: '含有其他字符',
  unfinished: '没有完整的句子',
  'too-short': '过短',
  'too-long': '过长',
  duplicate: '重复',
  vocabulary: '含有词表之外的字',
  'held-out': '与留出集有相同的句子',
};

type Replace = (match: string, ...groups: string[]) => string;

/** A list as Chinese has it: `on, off` becomes `on、off`. */
const listed = (text = '') => text.replaceAll(', ', '、');
const inChinese = (reason: string) => REJECTIONS_IN_CHINESE[reason as Rejection] ?? reason;

/**
 * The common errors and notices of the library and of commander, and their Chinese. `$1`, `$2` … are the groups of the
 * pattern. All patterns are applied in order: later ones translate what earlier ones leave, such as the reason. Each has a
 * real message in test/cli/translate.test.ts.
 */
export const CHINESE: readonly (readonly [pattern: RegExp, zh: string | Replace])[] = [
  // commander
  [/^error: unknown option '(.*)'/, '错误：未知选项 $1'],
  [/^error: unknown command '(.*)'/, '错误：未知命令 $1'],
  [/^error: missing required argument '(.*)'/, '错误：缺少参数 <$1>'],
  [/^error: option '(.*)' argument missing/, '错误：选项 $1 缺少值'],
  [
    /^error: option '(.*)' argument '(.*)' is invalid\. Allowed choices are (.*)\./,
    (_, option, value, choices) => `错误：选项 ${option} 的值“${value}”无效，可选：${listed(choices)}`,
  ],
  [/^error: option '(.*)' argument '(.*)' is invalid\. (.*)。/, '错误：选项 $1 的值“$2”无效，$3'],
  [
    /^error: command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\./,
    (_, value, argument, choices) => `错误：参数 <${argument}> 的值“${value}”无效，可选：${listed(choices)}`,
  ],
  [/^error: option '(.*)' cannot be used with option '(.*)'/, '错误：选项 $1 不能与 $2 同时使用'],
  [
    /^error: too many arguments.*Expected (\d+) arguments? but got (\d+)\./,
    '错误：参数过多：最多 $1 个，实有 $2 个',
  ],
  [/\(Did you mean (?:one of )?(.*)\?\)/, (_, similar) => `（您是不是想输入 ${listed(similar)}？）`],

  // files
  [/^Cannot read the corpus (.*?): /, '无法读取语料 $1：'],
  [/^Cannot read (.*?): /, '无法读取 $1：'],
  [/^Cannot write (.*?): /, '无法写入 $1：'],
  [
    /no such file\. Choose a path, or one of ([^.]*)(?:\.$)?/,
    (_, names) => `文件不存在。请给出文件路径，或选用内置语料 ${listed(names)}`,
  ],
  [/it does not exist$/, '文件不存在'],
  [/it is a folder$/, '这是一个目录'],
  [/a part of the path is (?:not a folder|a file)/, '路径中有一级不是目录'],
  [/permission denied/, '没有权限'],
  [/the disk is full: free some space/, '磁盘已满。请清理空间'],
  [/the disk quota is used up: free some space/, '磁盘配额已用完。请清理空间'],
  [/the disk is read-only/, '磁盘只读'],
  [/, or choose another folder$/, '，或换一个目录'],
  [/: choose another folder$/, '。请换一个目录'],

  // models and checkpoints; packages
  [/^There is no model at (.*)$/, '找不到模型 $1'],
  [
    /^The folder (.*) has no checkpoint: .*$/,
    '目录 $1 中没有检查点：它不是训练目录，或者训练还没有保存过检查点',
  ],
  [
    /^(.*) is a safetensors file, but not a checkpoint of tangshi: .*$/,
    '$1 是 safetensors 文件，但不是 tangshi 的检查点。要以其中的权重开始训练，请用 train --init',
  ],
  [
    /^(.*) has format version (.*), but this version of tangshi reads (.*): update tangshi$/,
    '$1 的格式版本是 $2，而当前的 tangshi 只能读取版本 $3：请升级 tangshi',
  ],
  [/^(.*) has no undamaged checkpoint: /, '$1 中没有完好的检查点：'],
  [/ is damaged, or from another version: /, ' 已损坏，或来自其他版本：'],
  [/ is damaged: /g, ' 已损坏：'],
  [/it is truncated, or not a safetensors file/g, '文件不完整，或不是 safetensors 文件'],
  [/its checksum does not match/g, '校验和不符'],
  [
    /^(.*) does not match the model \((.*)\): use the cell and sizes that it was made with$/,
    '$1 与模型的结构不符（$2）：请沿用它原来的循环层类型和各项维数',
  ],
  [/^(.*) has a value in (.*) that is NaN or infinite$/, '$1 的权重 $2 中有 NaN 或无穷大'],
  [/^The name of a model ends in \.safetensors: (.*)$/, '模型文件名应以 .safetensors 结尾：$1'],
  [/^(.*) already exists: choose another name$/, '$1 已存在：请换一个文件名'],

  // the beginning of a poem
  [/^(.*) is a form: to use it, run (.*)$/, '$1 是体裁。要使用它，请运行 $2'],
  [/^(.*) (?:is|are) not in the model's vocabulary: /, '模型的词表中没有$1：'],
  [/"([^"]*)" \(character (\d+)\)/g, '“$1”（第 $2 字）'],
  [/ and (\d+) more：/, ' 等，另有 $1 个：'],
  [/try (.*), the same in the other script/, '请改用“$1”（繁简之别）'],
  [/rare ones are left out \(minCount\), /, '生僻字不在词表中，'],
  [/frequent ones are (\S+)/, '常用的字如 $1'],
  [/^Expected at most (\d+) characters for prompt but received (\d+)$/, '开头过长：最多 $1 字，实有 $2 字'],
  [/^Expected at most (\d+) characters for context but received (\d+)$/, '前文过长：最多 $1 字，实有 $2 字'],
  [/^Expected at most (\d+) characters for title but received (\d+)$/, '诗题过长：最多 $1 字，实有 $2 字'],
  [/^Expected at most (\d+) characters for theme but received (\d+)$/, '主题过长：最多 $1 字，实有 $2 字'],
  [/^No poet wrote about "(.*)": choose other words$/, '没有诗人写过“$1”：请换几个词'],
  [/^"(.*)" does not say what the poem is about: choose another title$/, '“$1”没有说诗写什么：请换一个诗题'],
  [
    /^This model was trained without titles: omit (\w+), or use one trained with titles$/,
    '此模型训练时没有学过诗题：请去掉 --$1，或改用学过诗题的模型',
  ],
  [
    /^A prompt of (\d+) characters leaves nothing to write within a maxLength of (\d+)$/,
    '开头已有 $1 字，而最多只能写 $2 字，没有可续写的余地',
  ],
  [
    /^A prompt of (\d+) characters leaves nothing to write in a form of (\d+) characters$/,
    '开头已有 $1 字，而此体裁共 $2 字，没有可续写的余地',
  ],

  // forms
  [
    /^Unknown form "(.*)"\. Choose (.*?)(?:, or LxC such as 6x4 \(up to (.*)\))?\.$/,
    (_, form, names, size) =>
      `未知的体裁“${form}”。可选：${listed(names)}${size ? `，或“句数x每句字数”，如 6x4（最大 ${size}）` : ''}`,
  ],
  [
    /^Unknown rhyme group "(.*)" of the (\S+)\. Choose one of (.*)\.$/,
    (_, group, book, names) => `${book}中没有韵部“${group}”。可选：${listed(names)}`,
  ],
  [
    /^A form needs the punctuation (\S+) and (\S+), which the model does not know: .*$/,
    '按体裁写诗需要标点“$1”和“$2”，而模型的训练语料没有标点：请去掉 --form 和 --acrostic，或换一个模型',
  ],
  [
    /^(?:rhyme|tone|rhymeGroup|rhymeBook|lines) needs a form(?:（.*）)?$/,
    '此选项须与 --form 或 --acrostic 一起使用',
  ],
  [/^form has no effect with pattern: omit one of them$/, '--form 与 --pattern 只能用一个'],
  [/^rhymeGroup has no effect without rhyme$/, '不押韵时不能指定韵部'],
  [/^rhymeGroup has no effect in a form with several rhymes$/, '此体裁中途换韵，不能指定韵部'],
  [/^rhymeBook has no effect without rhyme and tones$/, '不论平仄和押韵时不能指定韵书'],
  [
    /^tone 'loose' is a rule of regulated verse: choose strict or off$/,
    '--tone loose 只用于近体诗：请选 strict 或 off',
  ],
  [/^lines needs a form whose length can be chosen: (.*) or (.*)$/, '只有 $1、$2 可以指定句数'],
  [
    /^Expected an even number of lines from (\d+) to (\d+) but received (\d+)$/,
    '句数须为 $1 至 $2 的偶数，实为 $3',
  ],
  [/^The first line of a couplet may have (\d+) characters, but has (\d+)$/, '上联最多 $1 字，实有 $2 字'],
  [
    /^Level and oblique characters do not rhyme in the (\S+): choose (\S+) or (\S+)$/,
    '$1中平声与仄声不能相押：请选 $2 或 $3',
  ],
  [/^A couplet needs its first line as the prompt, such as (.*)$/, '写对联须给出上联作为开头，如 $1'],
  [/^Unexpected "(.*)" in line (\d+) of the template: (.*)$/, '格律第 $2 行有无法识别的“$1”：$3'],
  [
    /^A sentence in line (\d+) of the template does not end in punctuation: (.*)$/,
    '格律第 $1 行有句子缺少标点：$2',
  ],
  [
    /^The alternatives in line (\d+) of the template differ in length, punctuation or rhyme: (.*)$/,
    '格律第 $1 行的几种写法字数、标点或韵脚不同：$2',
  ],
  [
    /^There is no earlier line of (\d+) characters to repeat in line (\d+) of the template$/,
    '格律第 $2 行：前面没有 $1 字的句子可叠',
  ],
  [/^The template is empty$/, '格律是空的'],
  [/^The template has more than (\d+) positions$/, '格律超过 $1 个字'],
  [/^The template has (\d+) characters, more than (\d+)$/, '格律文件有 $1 个字符，超过 $2 个'],
  [/^A sentence in line (\d+) of the template is too long$/, '格律第 $1 行有句子过长'],
  [/^(rhymeGroup|rhyme) has no effect in a form without rhymes$/, '此体裁不押韵'],
  [/^A form determines the length: omit maxLength$/, '体裁已决定字数：请去掉此选项'],
  [
    /^The prompt (.*) does not fit the rules of the form: .*$/,
    '开头“$1”不合此体裁的格律：可试试 --tone loose 或 off、--rhyme off，或换一个 --rhyme-group',
  ],
  [
    /^The model's vocabulary has no rhyme group of (\d+) characters: try rhyme false/,
    '模型的词表中，没有一个韵部够 $1 个字：请用 --rhyme off',
  ],
  [
    /^The form needs (\d+) ?(平|仄)? characters in (\S+), more than the model knows: choose another rhymeGroup/,
    (_, count, tone = '', group) =>
      `此体裁需要${group}韵的${tone}声字 ${count} 个，而模型的词表中不够：请换一个 --rhyme-group`,
  ],
  [/^Expected Han characters for acrostic but received "(.*)"$/, '藏头只能是汉字，实为“$1”'],
  [
    /^(.*) gives different beginnings to lines that the form repeats$/,
    '藏头“$1”与叠句不符：相叠的句子首字须相同',
  ],
  [/^(.*) has (\d+) characters, but the form has (\d+) lines$/, '藏头“$1”有 $2 字，而此体裁有 $3 句'],
  [/^The prompt (.*) does not begin with (.*), as the acrostic does$/, '开头“$1”与藏头不符：应以“$2”开头'],
  [
    /^The acrostic has (.*), which the model does not know\. In Mandarin, (.*?)(?=（|$)/,
    '模型的词表中没有藏头的“$1”。普通话读音相近的字：$2',
  ],
  [/ sounds like /g, ' → '],

  // corpora
  [
    /^The built-in corpora need the package (\S+), which is not installed: run (npm install \S+?)(?=\.|$)/,
    '内置语料来自 $1 包，但尚未安装：请运行 $2',
  ],
  [
    /^Cannot cache the corpus (\S+) in (.*) \((.*)\): set XDG_CACHE_HOME to a writable folder$/,
    '无法把语料 $1 缓存到 $2（$3）：请把 XDG_CACHE_HOME 设为可写的目录',
  ],
  [/\. If the corpus was moved, set data to its new path$/, '。如果语料已移动，请用 --data 指定新路径'],
  [/^(.*) is not a file: choose a text or JSON file of poems$/, '$1 不是文件：请选用文本文件或 JSON 文件'],
  [/^(.*) is a folder without \.json files: choose a file$/, '目录 $1 中没有 .json 文件：请选用文件'],
  [
    /^(.*) is not (\S+): save it as UTF-8, or set encoding to one of (.*)$/,
    (_, path, encoding, others) =>
      `${path} 的编码不是 ${encoding}：请另存为 UTF-8，或用 --encoding 指定编码（${listed(others)}）`,
  ],
  [/^(.*) is UTF-8: omit encoding$/, '$1 的编码是 UTF-8：请去掉此选项'],
  [
    /^Many lines of (.*) are parts of a sentence: .*$/,
    '$1 中许多行不是完整的句子：请用空行分隔各首诗，或每首写成一行，或指定 --format lines',
  ],
  [
    /^Many lines of (.*) look like titles: .*$/,
    '$1 中许多行像是标题：请用空行分隔各首诗，或每首写成一行，或指定 --format lines',
  ],
  [
    /^(.*) is a table, but none of its columns is clearly that of the poems: .*$/,
    '$1 是表格，但看不出哪一列是诗：请在首行把该列命名为 content，或指定 --format lines',
  ],
  [
    /^(.*) is not a table in which one column has the poems: .*$/,
    '$1 不是表格，或没有一列是诗：请在首行把该列命名为 content，或去掉 --format',
  ],
  [/^(.*) is not a valid table \((.*)\): fix it$/, '$1 的表格格式有误（$2）：请修正'],
  [
    /^(.*) is not valid JSON \((.*)\): fix it, or set format$/,
    '$1 的 JSON 格式有误（$2）：请修正，或指定 --format',
  ],
  [
    /^(.*) has no poems: it is empty, or .*$/,
    '$1 中没有诗：文件为空，或 JSON 中没有 "paragraphs" 或 "content"',
  ],
  [
    /^No poem of (.*) passes the cleaning \((.*)\)\. /,
    (_, path, counts) =>
      `${path} 中没有一首诗通过清洗（${listed(counts).replace(/[a-z-]+(?= \d)/g, inChinese)}）。`,
  ],
  [/Are format and cleaning right\?$/, '请检查 --format 和 --cleaning'],
  [/Is it UTF-8\?$/, '文件可能不是 UTF-8 编码'],
  [
    /^Every poem of (.*) is held out: lower heldOut, which is (.*)$/,
    '$1 中的诗全部进了留出集：请调低 --held-out（现为 $2）',
  ],
  [
    /^Every poem of (.*) has a character outside the vocabulary of the model$/,
    '$1 中每首诗都有模型词表之外的字',
  ],
  [
    /^The corpus has (\d+) poems, fewer than one batch of (\d+): .*$/,
    '语料只有 $1 首诗，不足一批（$2 首）：请把 --batch 设为 $1 或更小',
  ],
  [/^(.*) contains no poems$/, '$1 中没有诗'],
  [/^No poem of (.*) is held out from training: omit --held-out$/, '$1 没有留出集：请去掉 --held-out'],
  [
    /^The model was trained on texts given to train\(\): choose a corpus with --data$/,
    '模型的语料是由程序传给 train() 的：请用 --data 指定语料',
  ],

  // configurations
  [/^The configuration (.*) is not valid JSON \((.*)\)$/, '配置文件 $1 的 JSON 格式有误（$2）'],
  [/^The configuration (.*) is not a JSON object$/, '配置文件 $1 的内容不是 JSON 对象'],
  [/^The configuration (.*) has an unknown preset (.*)$/, '配置文件 $1 中的预设 $2 不存在'],
  [/^Invalid configuration: /, '配置有误：'],
  [/^Invalid options: /, '选项有误：'],
  [/expected (.*?) for (\w+) but received ([^;]*)/g, '$2 应为 $1，实为 $3'],
  [/应为 an integer from (\S+) to (\S+)，/g, '应为 $1 到 $2 之间的整数，'],
  [/应为 an integer >= (\S+)，/g, '应为不小于 $1 的整数，'],
  [/应为 a number from (\S+) to (\S+)，/g, '应为 $1 到 $2 之间的数，'],
  [/应为 a number >= (\S+) and < (\S+)，/g, '应为不小于 $1 且小于 $2 的数，'],
  [/应为 a number > (\S+) and <= (\S+)，/g, '应为大于 $1 且不大于 $2 的数，'],
  [/应为 a number > (\S+)，/g, '应为大于 $1 的数，'],
  [/应为 a boolean，/g, '应为 true 或 false，'],
  [/应为 a string(?: that is not empty)?，/g, '应为非空的字符串，'],
  [/应为 one of (.*?)，/g, (_, names) => `应为 ${listed(names)} 之一，`],
  [/tieWeights requires embedDim = hiddenDim/, '共享权重时，--embed 与 --hidden 必须相等'],
  [/unknown option (\w+)/g, '未知选项 $1'],

  // runs
  [
    /^There is no run under (.*) to resume: start one with (.*)$/,
    '$1 下没有可以继续的训练：请用 $2 开始新的训练',
  ],
  [/^(.*) already contains a run: .*$/, '$1 中已有训练：请用 --resume 继续，或用 --out 另选目录'],
  [/^(.*) contains no run to resume: .*$/, '$1 中没有可以继续的训练：去掉 --resume 即可开始新的训练'],
  [/^(.*) is not a folder: choose another path for out$/, '$1 不是目录：请用 --out 另选'],
  [/^Process (.*) is training in (.*): wait .*$/, '进程 $1 正在 $2 中训练：请等它结束，或用 --out 另选目录'],
  [/^A resumed run has weights: omit init$/, '继续训练时沿用已有的权重：请去掉 --init'],
  [
    /^The run in (.*) has (\w+) (.*), and cannot be resumed with (.*): omit \w+, or start a new run$/,
    '$1 中的训练 $2 为 $3，继续时不能改为 $4：请去掉此选项，或开始新的训练',
  ],
  [
    /^The corpus (.*) is not the one that the run in (.*) was trained on.*$/,
    '语料 $1 与 $2 中的训练所用的语料不同：请恢复原来的语料，或用 --init 以它的权重开始新的训练',
  ],
  [
    /^Step (\d+) \(epoch (\d+), batch (\d+) of \d+\) gave loss (\S+) and gradient norm (\S+?)(?:, after \d+ skipped steps)?\. /,
    '第 $1 步（第 $2 轮第 $3 批）的损失为 $4，梯度范数为 $5。',
  ],
  [/。There is no checkpoint\. /, '。没有检查点。'],
  [/。(.*) has step (\d+)\. /, '。检查点 $1 存至第 $2 步。'],
  [/Start again with a lower lr\.$/, '请调低学习率，重新训练'],
  [
    /Start again with a lower lr, or with precision bf16\.$/,
    '请调低学习率，或改用 --precision bf16，重新训练',
  ],

  // notices of a run
  [/the run is no longer bit-equal to an unbroken one/, '结果与不中断的训练不再逐位相同'],
  [/^(\d+) epochs instead of (\d+): /, '轮数为 $1，原为 $2：'],
  [/^(.*) instead of (.*): /, '现为 $1，原为 $2：'],
  [/the learning rate now follows the new length/, '学习率的变化按新的轮数计算'],
  [/^the run had not saved a checkpoint yet: it starts again$/, '此前没有保存过检查点：从头开始'],
  [/: resuming from (.*), step (\d+)$/, '：从 $1（第 $2 步）继续'],
  [/ is missing：/, ' 不存在：'],
  [
    /^titles are not learned: the vocabulary of the given weights has no tokens for them$/,
    '不学习诗题：所给权重的词表中没有相应的标记',
  ],
  [/^(.*) is not used: /, '未使用 $1：'],

  // devices, memory, the addon
  [/^fp16 needs a GPU: use precision fp32$/, 'fp16 只用于 GPU：请改用 --precision fp32'],
  [
    /^bf16 on the CPU needs a processor with AVX512_BF16: use precision fp32$/,
    '在 CPU 上用 bf16 需要支持 AVX512_BF16 的处理器：请改用 --precision fp32',
  ],
  [
    /^Unknown device "(.*)"\. Choose auto, cpu, cuda or cuda:N\.$/,
    '未知的设备“$1”。可选：auto、cpu、cuda、cuda:N',
  ],
  [
    /^(.*) is not available: (.*)\. Use the device cpu, or run (.*) for details\.$/,
    '设备 $1 不可用：$2。请改用 cpu，或运行 $3 查看详情',
  ],
  [/the only GPU is (cuda:0)/, '只有一块 GPU，即 $1'],
  [/the GPUs are (cuda:0) to (cuda:\d+)/, '可用的 GPU 为 $1 至 $2'],
  [/there is no NVIDIA driver/, '没有 NVIDIA 驱动'],
  [/the NVIDIA driver finds no device/, 'NVIDIA 驱动找不到设备'],
  [
    /this libtorch (\S+) has no CUDA support: (.*?) fetches one that has/,
    '当前的 libtorch $1 不支持 CUDA，可用 $2 下载支持的版本',
  ],
  [/^out of memory$/, '内存不足'],
  [/^CUDA out of memory\. Tried to allocate (.*?)\. .*$/s, '显存不足：无法分配 $1。请减小 --batch 或模型'],
  [/^.*DefaultCPUAllocator: .* (\d+) bytes.*$/s, '内存不足：无法分配 $1 字节'],
  [/^The native addon is not built \((.*)\): run (.*)$/, '尚未编译原生插件（$1）：请运行 $2'],
  [
    /^The native addon for training and GPUs is not built \((.*)\): run (.*)$/,
    '尚未编译训练和 GPU 所用的原生插件（$1）：请运行 $2',
  ],
  [
    /^The native addon for training and GPUs could not be built: see above, then run (.*)$/,
    '训练和 GPU 所用的原生插件编译失败：请按上述信息处理，然后运行 $1',
  ],
  [
    /^The source of the corpora could not be downloaded: see above, then run the same command again$/,
    '无法下载语料来源：请按上述信息处理，然后重新运行该命令',
  ],
  [/^The native addon does not load \((.*)\): run (.*)$/s, '无法加载原生插件（$1）：请运行 $2'],
  [/^The working directory no longer exists: .*$/, '当前目录已不存在：请换到别的目录'],

  [/; /g, '；'], // between problems
];

/** A message in the user's language; in English where no translation is known. */
export function translated(message: string): string {
  return t(
    message,
    CHINESE.reduce((text, [pattern, zh]) => text.replace(pattern, zh as string), message),
  );
}

/** Why records were rejected, with counts: `duplicate 696, latin 2`. */
export function rejectionsText(rejected: Readonly<Record<string, number>>): string {
  return Object.entries(rejected)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${t(reason, inChinese(reason))} ${count.toLocaleString('en-US')}`)
    .join(t(', ', '、'));
}
