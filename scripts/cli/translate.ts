import { t } from './language';

/** The common errors of the library and of commander, and their Chinese. `$1`, `$2` … are the groups of the pattern. */
const CHINESE: readonly (readonly [pattern: RegExp, zh: string])[] = [
  // commander
  [/^error: unknown option '(.*)'/, '错误：未知选项 $1'],
  [/^error: unknown command '(.*)'/, '错误：未知命令 $1'],
  [/^error: missing required argument '(.*)'/, '错误：缺少参数 $1'],
  [/^error: option '(.*)' argument missing/, '错误：选项 $1 缺少值'],
  [
    /^error: option '(.*)' argument '(.*)' is invalid\. Allowed choices are (.*)\./,
    '错误：选项 $1 的值 $2 无效，可选：$3。',
  ],
  [/^error: option '(.*)' argument '(.*)' is invalid\./, '错误：选项 $1 的值 $2 无效。'],
  [/^error: option '(.*)' cannot be used with option '(.*)'/, '错误：选项 $1 不能与 $2 同时使用'],
  [
    /^error: too many arguments.*Expected (\d+) arguments? but got (\d+)\./,
    '错误：参数过多：应为 $1 个，实为 $2 个。',
  ],
  [/\(Did you mean (.*)\?\)/, '（是否想输入 $1？）'],
  // the library
  [/^There is no model at (.*)$/, '$1 没有模型'],
  [/^The folder (.*) has no checkpoint: .*$/, '目录 $1 中没有检查点：它不是训练目录，或训练尚未保存'],
  [/^There is no run under (.*) to resume: start one with (.*)$/, '$1 下没有可以继续的训练：用 $2 开始一次'],
  [/^(.*) already contains a run: .*$/, '$1 已有一次训练：用 --resume 继续，或用 --out 另选目录'],
  [/^(.*) contains no run to resume: .*$/, '$1 中没有可以继续的训练：去掉 --resume 即可开始一次'],
  [
    /^Cannot read the corpus (.*): no such file\. Choose a path, or one of (.*)\.$/,
    '无法读取语料 $1：文件不存在。请给出路径，或选用 $2。',
  ],
  [
    /^(.*) is not (\S+): save it as UTF-8, or set encoding to one of (.*)$/,
    '$1 的编码不是 $2：请另存为 UTF-8，或用 --encoding 指定 $3',
  ],
  [
    /^No poem of (.*) passes the cleaning \((.*)\)\. .*$/,
    '$1 中没有一首诗通过清洗（$2）。请检查格式与清洗规则。',
  ],
  [
    /^Unknown form "(.*)"\. Choose (.*), or LxC such as 6x4 \(up to (.*)\)\.$/,
    '未知的体裁“$1”。可选：$2，或 行数x字数，如 6x4（最大 $3）。',
  ],
  [/^(.*) is a form: to use it, run (.*)$/, '$1 是体裁：请运行 $2'],
  [/^(.*) (?:is|are) not in the model's vocabulary: (.*)$/, '模型不认识 $1：$2'],
  [/"([^"]*)" \(character (\d+)\)/g, '“$1”（第 $2 字）'],
  [
    /^(模型不认识 .*：)rare ones are left out \(minCount\), frequent ones are (.*?)( \(the model is (.*); choose another with --model\))?$/,
    '$1训练时省去了罕见字，常见字如 $2',
  ],
  [
    /^The acrostic has (.*), which the model does not know\. In Mandarin, (.*)$/,
    '模型不认识藏头的 $1。音近的字：$2',
  ],
  [/ sounds like /g, ' 音近 '],
  [
    /^The prompt (.*) does not fit the rules of the form: .*$/,
    '开头“$1”不合体裁的格律：可试 --tone off、--rhyme off，或换一个 --rhyme-group',
  ],
  [/^CUDA device (.*) does not exist.*$/, '没有设备 $1'],
  [/^(.*) contains no poems$/, '$1 中没有诗'],
  [/^Cannot read (.*): it does not exist$/, '无法读取 $1：文件不存在'],
  [/^Cannot (?:read|write) (.*): permission denied.*$/, '无法读写 $1：没有权限'],
  [/^Cannot write (.*): the disk is full.*$/, '无法写入 $1：磁盘已满'],
];

/** A message in the user's language; in English where no translation is known. */
export function translated(message: string): string {
  return t(
    message,
    CHINESE.reduce((text, [pattern, zh]) => text.replace(pattern, zh), message),
  );
}
