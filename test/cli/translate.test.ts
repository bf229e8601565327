/** The Chinese of errors and notices: each pattern has a message that the program really gives. */
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  builtinCorpusPath,
  loadDataset,
  Model,
  presetConfig,
  resolveDevice,
  TangshiError,
  TrainingSession,
  train,
  Vocab,
} from '../../lib';
import { checksum } from '../../lib/model/checkpoint';
import { modelConfig } from '../../lib/model/network';
import { prepareRequest } from '../../lib/model/poem-request';
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from '../../lib/model/safetensors';
import { addon } from '../../lib/native/addon';
import { unusedGpu } from '../../lib/native/device';
import { changesSince } from '../../lib/train/environment';
import { lockRun } from '../../lib/train/run-lock';
import { diskError } from '../../lib/util/disk';
import { useLanguage } from '../../scripts/cli/language';
import { createProgram } from '../../scripts/cli/program';
import { CHINESE, rejectionsText, translated } from '../../scripts/cli/translate';
import { events, POEMS, smallConfig } from '../../scripts/dev/torture/torture';
import { untrainedModel } from '../model/untrained';

const ROOT = join(__dirname, '../..');
const ADDON = join(ROOT, 'build/Release/tangshi.node');
const HOME = process.cwd();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tangshi-zh-')));
const used = new Set<RegExp>();

beforeAll(async () => {
  process.chdir(folder);
  useLanguage('zh');
  writeFileSync('poems.txt', POEMS.map((poem, index) => `诗${index}:${poem}\n`).join(''));
  await mkdir('folder');
  await events({ config: smallConfig('poems.txt', 1), out: 'run', device: 'cpu' });
});
afterAll(() => {
  useLanguage('en');
  process.chdir(HOME);
  rmSync(folder, { recursive: true });
});

/** The message with which a call fails. */
async function refusal(call: () => unknown): Promise<string> {
  const outcome = await Promise.resolve()
    .then(call)
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  if (outcome instanceof TangshiError) return outcome.message;
  throw outcome ?? new Error('Nothing was refused');
}

/** What commander says about a command line, or the message of the error that the command ends with. */
async function said(...args: string[]): Promise<string> {
  let usage = '';
  const program = createProgram();
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ outputError: (text) => (usage = text) });
    command.exitOverride((error) => {
      throw error;
    });
  }
  const listen = jest.spyOn(process, 'on').mockReturnValue(process); // `train` handles signals
  try {
    return await refusal(() => program.parseAsync(args, { from: 'user' }));
  } catch (error) {
    if (usage === '') throw error;
    return usage.trimEnd();
  } finally {
    listen.mockRestore();
  }
}

const gen = (...args: string[]) => said('gen', ...args);
const patterned = (template: string) => {
  writeFileSync('pattern.txt', template);
  return gen('--pattern', 'pattern.txt');
};
const trainOn = (name: string, content: string | Buffer, ...args: string[]) => {
  writeFileSync(name, content);
  return said('train', '--data', name, '--out', 'new', '--device', 'cpu', ...args);
};
const resume = (options: Partial<Parameters<typeof train>[0]>, out = 'run') =>
  refusal(() => events({ out, resume: true, device: 'cpu', ...options }));

/** The notices of the plan of a run, without training. */
async function notices(options: Parameters<typeof train>[0]): Promise<string> {
  for await (const event of train({ device: 'cpu', ...options }))
    if (event.type === 'plan') return event.notices.join('; ');
  throw new Error('There was no plan');
}

/** The vocabulary of a model that has learned titles. */
function titled(): Vocab {
  return Vocab.build(['湖'], { minCount: 1, controls: ['title'] });
}

/** A copy of the run. */
function copyOf(name: string): string {
  cpSync('run', name, { recursive: true });
  return name;
}

/** A file with what is left of the last checkpoint after a change. */
function changed(name: string, change: (file: SafetensorsFile) => SafetensorsFile): string {
  const last = 'run/last.safetensors';
  writeFileSync(name, Buffer.concat(encodeSafetensors(change(decodeSafetensors(readFileSync(last), last)))));
  return name;
}
const withMetadata = (name: string, metadata: Record<string, string>) =>
  changed(name, (file) => ({ ...file, metadata: { ...file.metadata, ...metadata } }));

/** A text that a source file contains: for what cannot be provoked on every machine. */
function inSource(path: string, text: string): string {
  if (readFileSync(join(ROOT, path), 'utf8').includes(text)) return text;
  throw new Error(`${path} does not contain ${text}`);
}

/** What is said on a machine with such GPUs. */
async function withCuda<T>(
  facts: { devices: object[]; problem?: string },
  call: () => T,
): Promise<Awaited<T>> {
  const spy = jest.spyOn(addon(), 'findCuda').mockResolvedValue(facts as never);
  try {
    return await call();
  } finally {
    spy.mockRestore();
  }
}
const unavailable = (problem: string) =>
  withCuda({ devices: [], problem }, () => refusal(() => resolveDevice('cuda')));

/** What loading an addon anew says, with Node's functions changed. */
function loadingAddon(change: () => void, load: 'addon' | 'writerAddon' = 'addon'): string {
  try {
    jest.isolateModules(() => {
      change();
      (require('../../lib/native/addon') as typeof import('../../lib/native/addon'))[load]();
    });
  } catch (error) {
    return (error as Error).message;
  } finally {
    jest.dontMock('node:fs').dontMock(ADDON).restoreAllMocks();
  }
  throw new Error('The addon was loaded');
}

const withWrong = (config: object) => refusal(() => events({ config, out: 'new', device: 'cpu' }));
const longPoem = '湖'.repeat(1001);
const wrapped = POEMS.flatMap((poem) => poem.split(/(?<=[，。])/)).join('\n');

const CASES: readonly (readonly [zh: string | RegExp, message: () => string | Promise<string>])[] = [
  // commander
  ['错误：未知选项 --sead\n（您是不是想输入 --seed？）', () => gen('--sead', '1')],
  ['错误：未知命令 genn\n（您是不是想输入 gen？）', () => said('genn')],
  ['错误：缺少参数 <file>', () => said('check')],
  ['错误：选项 --form <form> 缺少值', () => gen('--form')],
  ['错误：选项 --tone <rule> 的值“x”无效，可选：strict、loose、off', () => gen('--tone', 'x')],
  ['错误：选项 --count <n> 的值“0”无效，应为 1 到 100000 之间的整数', () => gen('--count', '0')],
  ['错误：选项 --temperature <t> 的值“热”无效，应为不小于 0 的数', () => gen('--temperature', '热')],
  ['错误：参数 <shell> 的值“csh”无效，可选：bash、zsh、fish', () => said('completion', 'csh')],
  ['错误：选项 --greedy 不能与 --top-k <k> 同时使用', () => gen('--greedy', '--top-k', '5')],
  ['错误：参数过多：最多 1 个，实有 2 个', () => gen('湖', '月')],

  // files
  ['无法读取 none.txt：文件不存在', () => said('check', 'none.txt')],
  ['无法读取 folder：这是一个目录', () => said('check', 'folder')],
  ['无法读取 a：没有权限', () => diskError('read', 'a', { code: 'EACCES' }).message],
  ['无法写入 a：没有权限。请换一个目录', () => diskError('write', 'a', { code: 'EACCES' }).message],
  [
    '无法写入 a：磁盘已满。请清理空间，或换一个目录',
    () => diskError('write', 'a', { code: 'ENOSPC' }).message,
  ],
  [
    '无法写入 a：磁盘配额已用完。请清理空间，或换一个目录',
    () => diskError('write', 'a', { code: 'EDQUOT' }).message,
  ],
  ['无法写入 a：磁盘只读。请换一个目录', () => diskError('write', 'a', { code: 'EROFS' }).message],
  [
    '无法写入 a：路径中有一级不是目录。请换一个目录',
    () => diskError('write', 'a', { code: 'ENOTDIR' }).message,
  ],
  [
    '无法读取语料 none.txt：文件不存在。请给出文件路径，或选用内置语料 poems、tangshi、quantangshi、quansongshi、songci',
    () => refusal(() => loadDataset({ ...presetConfig('default'), data: 'none.txt' })),
  ],

  // models and checkpoints
  ['找不到模型 none', () => gen('--model', 'none')],
  ['目录 folder 中没有检查点：它不是训练目录，或者训练还没有保存过检查点', () => gen('--model', 'folder')],
  [
    'plain.safetensors 是 safetensors 文件，但不是 tangshi 的检查点。要以其中的权重开始训练，请用 train --init',
    () =>
      gen(
        '--model',
        changed('plain.safetensors', ({ tensors }) => ({ tensors, metadata: {} })),
      ),
  ],
  [
    'newer.safetensors 的格式版本是 99，而当前的 tangshi 只能读取版本 1：请升级 tangshi',
    () => gen('--model', withMetadata('newer.safetensors', { version: '99' })),
  ],
  [
    'other.safetensors 已损坏：校验和不符',
    () => gen('--model', withMetadata('other.safetensors', { vocab: '{}' })),
  ],
  [
    /^forged\.safetensors 已损坏，或来自其他版本：/,
    () =>
      gen(
        '--model',
        changed('forged.safetensors', ({ tensors, metadata: { checksum: _, ...metadata } }) => {
          const facts = { ...metadata, config: '{}' };
          return { tensors, metadata: { ...facts, checksum: checksum(facts, tensors) } };
        }),
      ),
  ],
  ['poems.txt 已损坏：文件不完整，或不是 safetensors 文件', () => gen('--model', 'poems.txt')],
  [
    /^broken 中没有完好的检查点：broken\/last\.safetensors 已损坏：文件不完整，或不是 safetensors 文件；/,
    () => {
      const run = copyOf('broken');
      for (const name of ['last', 'best']) {
        const path = join(run, `${name}.safetensors`);
        const bytes = readFileSync(path);
        rmSync(path);
        writeFileSync(path, bytes.subarray(0, 100));
      }
      return resume({}, run).then((message) => message.replaceAll(/broken\/step-\d+/g, 'broken/step'));
    },
  ],
  [
    /^run\/best\.safetensors 与模型的结构不符（.*）：请沿用它原来的循环层类型和各项维数$/,
    () =>
      refusal(() =>
        events({
          config: { ...smallConfig('poems.txt', 1), hiddenDim: 8 },
          out: 'new',
          init: 'run/best.safetensors',
          device: 'cpu',
        }),
      ),
  ],
  [
    'nan.safetensors 的权重 embedding.weight 中有 NaN 或无穷大',
    () => {
      const init = changed('nan.safetensors', ({ tensors, metadata: { format: _, ...metadata } }) => {
        const weight = tensors['embedding.weight'] as SafetensorsFile['tensors'][string];
        const data = new Uint8Array(new Float32Array(weight.data.byteLength / 4).fill(Number.NaN).buffer);
        return { tensors: { 'embedding.weight': { ...weight, data } }, metadata };
      });
      return refusal(() => events({ config: smallConfig('poems.txt', 1), out: 'new', init, device: 'cpu' }));
    },
  ],
  ['模型文件名应以 .safetensors 结尾：mine.bin', () => said('export', 'mine.bin')],
  ['run/last.safetensors 已存在：请换一个文件名', () => said('export', 'run/last.safetensors')],

  // the beginning of a poem
  ['6x4 是体裁。要使用它，请运行 npm run gen -- --form 6x4', () => gen('6x4')],
  [
    /^模型的词表中没有“鱻”（第 2 字）：生僻字不在词表中，常用的字如 \p{Script=Han}{8}（当前模型为 .*，可用 --model 另选）$/u,
    () => gen('湖鱻'),
  ],
  [/^模型的词表中没有“鱻”（第 1 字）.* 等，另有 2 个：/, () => gen('鱻'.repeat(7))],
  [
    '模型的词表中没有“东”（第 1 字）：请改用“東”（繁简之别）',
    () => refusal(() => Vocab.build([...POEMS, '東'], { minCount: 1 }).encode('东')),
  ],
  ['开头过长：最多 1000 字，实有 1001 字', () => gen(longPoem)],
  ['前文过长：最多 1000 字，实有 1001 字', () => gen('--context', longPoem)],
  ['诗题过长：最多 1000 字，实有 1001 字', () => gen('--title', longPoem)],
  ['主题过长：最多 1000 字，实有 1001 字', () => gen('--theme', longPoem)],
  [
    '没有诗人写过“吻 kiss”：请换几个词',
    () => refusal(() => prepareRequest({ vocab: titled() }, { theme: '吻 kiss' })),
  ],
  [
    '“Lake”没有说诗写什么：请换一个诗题',
    () => refusal(() => prepareRequest({ vocab: titled() }, { title: 'Lake' })),
  ],
  ['此模型训练时没有学过诗题：请去掉 --title，或改用学过诗题的模型', () => gen('--title', '湖')],
  ['开头已有 3 字，而最多只能写 2 字，没有可续写的余地', () => gen('湖上月', '--max-length', '2')],
  ['开头已有 20 字，而此体裁共 20 字，没有可续写的余地', () => gen(POEMS[0] as string, '--form', '五绝')],

  // forms
  [
    /^未知的体裁“六绝”。可选：五绝、七绝、.*，或“句数x每句字数”，如 6x4（最大 40x20）$/,
    () => gen('--form', '六绝'),
  ],
  [/^平水韵中没有韵部“湖”。可选：东、冬、江/, () => gen('--form', '五绝', '--rhyme-group', '湖')],
  [
    /^此体裁需要董韵的平声字 4 个，而模型的词表中不够：请换一个 --rhyme-group/,
    () => gen('--form', '五绝', '--rhyme-group', '董'),
  ],
  [
    '--form 与 --pattern 只能用一个',
    async () => {
      await using model = await untrainedModel(Vocab.build(['山，水。'], { minCount: 1 }));
      return await refusal(() => model.generate({ form: '五绝', pattern: '平。' }));
    },
  ],
  [
    '按体裁写诗需要标点“，”和“。”，而模型的训练语料没有标点：请去掉 --form 和 --acrostic，或换一个模型',
    async () => {
      await using model = await untrainedModel(Vocab.build(['床前明月光'], { minCount: 1 }));
      return await refusal(() => model.generate({ form: '五绝' }));
    },
  ],
  ['此选项须与 --form 或 --acrostic 一起使用', () => gen('--rhyme', 'on')],
  ['不押韵时不能指定韵部', () => gen('--form', '五绝', '--rhyme', 'off', '--rhyme-group', '东')],
  ['此体裁中途换韵，不能指定韵部', () => gen('--form', '菩萨蛮', '--rhyme-group', '第一部')],
  [
    '不论平仄和押韵时不能指定韵书',
    () => gen('--form', '五绝', '--rhyme', 'off', '--tone', 'off', '--rhyme-book', '平水韵'),
  ],
  ['--tone loose 只用于近体诗：请选 strict 或 off', () => gen('--form', '如梦令', '--tone', 'loose')],
  ['只有 五排, 七排, 五古、七古 可以指定句数', () => gen('--form', '五绝', '--lines', '8')],
  ['句数须为 4 至 40 的偶数，实为 7', () => gen('--form', '五古', '--lines', '7')],
  [
    '藏头“春夏秋冬东西南”与叠句不符：相叠的句子首字须相同',
    () => gen('--form', '如梦令', '--acrostic', '春夏秋冬东西南'),
  ],
  ['上联最多 100 字，实有 101 字', () => gen('山'.repeat(101), '--form', '对联')],
  [
    '平水韵中平声与仄声不能相押：请选 词林正韵 或 中华通韵',
    () => gen('--form', '西江月', '--rhyme-book', '平水韵'),
  ],
  ['写对联须给出上联作为开头，如 春风得意马蹄疾', () => gen('--form', '对联')],
  ['格律第 1 行有无法识别的“x”：平x仄。', () => patterned('平x仄。')],
  ['格律第 1 行有句子缺少标点：平仄', () => patterned('平仄')],
  ['格律第 1 行的几种写法字数、标点或韵脚不同：平仄。|平。', () => patterned('平仄。|平。')],
  ['格律第 1 行：前面没有 2 字的句子可叠', () => patterned('平仄叠。')],
  ['格律是空的', () => patterned(' ')],
  ['格律超过 1000 个字', () => patterned(`${'平'.repeat(1000)}。`)],
  ['格律文件有 20001 个字符，超过 20000 个', () => patterned('平'.repeat(20_001))],
  ['格律第 1 行有句子过长', () => patterned(`${'平'.repeat(4000)}。`)],
  ['此体裁不押韵', () => gen('春风得意马蹄疾', '--form', '对联', '--rhyme-group', '东')],
  ['体裁已决定字数：请去掉此选项', () => gen('--form', '五绝', '--max-length', '9')],
  [
    '开头“平平平平平，”不合此体裁的格律：可试试 --tone loose 或 off、--rhyme off，或换一个 --rhyme-group',
    () => gen('平平平平平', '--form', '五绝'),
  ],
  [
    '模型的词表中，没有一个韵部够 4 个字：请用 --rhyme off',
    async () => {
      await using model = await untrainedModel(Vocab.build(['山，水。'], { minCount: 1 }));
      return await refusal(() => model.generate({ form: '五绝' }));
    },
  ],
  ['藏头只能是汉字，实为“abc”', () => gen('--acrostic', 'abc')],
  ['藏头“春夏秋”有 3 字，而此体裁有 4 句', () => gen('--acrostic', '春夏秋', '--form', '五绝')],
  ['开头“湖”与藏头不符：应以“春”开头', () => gen('湖', '--acrostic', '春夏秋冬')],
  [
    /^模型的词表中没有藏头的“鱻”。普通话读音相近的字：鱻 → \p{Script=Han}+（当前模型为 /u,
    () => gen('--acrostic', '鱻春'),
  ],

  // corpora
  [
    '内置语料来自 chinese-poetry 包，但尚未安装：请运行 npm install chinese-poetry',
    () =>
      inSource(
        'lib/data/corpus-source.ts',
        'The built-in corpora need the package $' +
          '{NAME}, which is not installed: run npm install $' +
          '{NAME}',
      ).replaceAll('$' + '{NAME}', 'chinese-poetry'),
  ],
  [
    '无法下载语料来源：请按上述信息处理，然后重新运行该命令',
    () =>
      inSource(
        'scripts/cli/corpora.ts',
        'The source of the corpora could not be downloaded: see above, then run the same command again',
      ),
  ],
  [
    /^无法把语料 tangshi 缓存到 poems\.txt\/cache（.*）：请把 XDG_CACHE_HOME 设为可写的目录$/,
    () => refusal(() => builtinCorpusPath('tangshi', { cacheDir: 'poems.txt/cache' })),
  ],
  [
    '无法读取语料 gone.txt：文件不存在。请给出文件路径，或选用内置语料 poems、tangshi、quantangshi、quansongshi、songci。如果语料已移动，请用 --data 指定新路径',
    () => resume({ config: { data: 'gone.txt' } }),
  ],
  [
    '/dev/null 不是文件：请选用文本文件或 JSON 文件',
    () => said('train', '--data', '/dev/null', '--out', 'new', '--device', 'cpu'),
  ],
  [
    '目录 folder 中没有 .json 文件：请选用文件',
    () => said('train', '--data', 'folder', '--out', 'new', '--device', 'cpu'),
  ],
  [
    'gbk.txt 的编码不是 UTF-8：请另存为 UTF-8，或用 --encoding 指定编码（gb18030、big5、utf-16le、utf-16be）',
    () => trainOn('gbk.txt', Buffer.from('b4b2c7b0c3f7d4c2b9e2', 'hex')),
  ],
  [
    'utf8.txt 的编码是 UTF-8：请去掉此选项',
    () => trainOn('utf8.txt', POEMS.join('\n'), '--encoding', 'gb18030'),
  ],
  [
    'wrapped.txt 中许多行不是完整的句子：请用空行分隔各首诗，或每首写成一行，或指定 --format lines',
    () => trainOn('wrapped.txt', wrapped),
  ],
  [
    'titles.txt 中许多行像是标题：请用空行分隔各首诗，或每首写成一行，或指定 --format lines',
    () => trainOn('titles.txt', `春晓\n${POEMS[0]}\n`.repeat(8)),
  ],
  [
    'table.tsv 是表格，但看不出哪一列是诗：请在首行把该列命名为 content，或指定 --format lines',
    () => trainOn('table.tsv', '春眠\t不觉晓\n夜来\t风雨声\n花落\t知多少\n'),
  ],
  [
    'poem.txt 不是表格，或没有一列是诗：请在首行把该列命名为 content，或去掉 --format',
    () => trainOn('poem.txt', '春眠不觉晓\n', '--format', 'table'),
  ],
  [
    /^damaged\.csv 的表格格式有误（.*）：请修正$/,
    () => trainOn('damaged.csv', `题目,内容\n${`鹿柴,${POEMS[0]}\n`.repeat(2000)}江雪,"${POEMS[1]}`),
  ],
  [
    /^bad\.json 的 JSON 格式有误（.*）：请修正，或指定 --format$/,
    () => trainOn('bad.json', '[{"content": ', '--format', 'json'),
  ],
  ['empty.txt 中没有诗：文件为空，或 JSON 中没有 "paragraphs" 或 "content"', () => trainOn('empty.txt', '')],
  [
    'latin.txt 中没有一首诗通过清洗（含有字母或数字 1）。请检查 --format 和 --cleaning',
    () => trainOn('latin.txt', '题:abc，def。ghi，jkl。\n'),
  ],
  [
    '□.txt 中没有一首诗通过清洗（有缺字或乱码 2）。文件可能不是 UTF-8 编码',
    () => trainOn('□.txt', '题:□眠不觉晓。\n题:□来风雨声。\n'),
  ],
  [
    'one.txt 中的诗全部进了留出集：请调低 --held-out（现为 0.99）',
    () => trainOn('one.txt', `题:${POEMS[0]}\n`, '--held-out', '0.99'),
  ],
  [
    'unknown.txt 中每首诗都有模型词表之外的字',
    () => {
      writeFileSync('unknown.txt', `题:${POEMS[0]}\n`);
      return refusal(() =>
        loadDataset({
          ...presetConfig('default'),
          data: 'unknown.txt',
          heldOut: 0,
          vocab: Vocab.classic(['春眠']),
        }),
      );
    },
  ],
  [
    '语料只有 1 首诗，不足一批（100 首）：请把 --batch 设为 1 或更小',
    () => trainOn('one.txt', `题:${POEMS[0]}\n`, '--preset', 'classic'),
  ],
  [
    'empty.txt 中没有诗',
    () => {
      writeFileSync('empty.txt', '\n');
      return said('check', 'empty.txt');
    },
  ],
  [
    'poems.txt 没有留出集：请去掉 --held-out',
    async () => {
      await events({
        config: { ...smallConfig('poems.txt', 1), heldOut: 0 },
        out: 'all',
        maxSteps: 1,
        device: 'cpu',
      });
      return said('eval', '--model', 'all', '--held-out', '--poems', '0');
    },
  ],
  [
    '模型的语料是由程序传给 train() 的：请用 --data 指定语料',
    async () => {
      const { data: _, ...config } = smallConfig('', 1);
      await events({ texts: POEMS, config, out: 'texts', maxSteps: 1, device: 'cpu' });
      return said('eval', '--model', 'texts');
    },
  ],

  // configurations
  [
    /^配置文件 config\.json 的 JSON 格式有误（.*）$/,
    () => {
      writeFileSync('config.json', '{');
      return said('train', '--config', 'config.json');
    },
  ],
  [
    '配置文件 config.json 的内容不是 JSON 对象',
    () => {
      writeFileSync('config.json', '[]');
      return said('train', '--config', 'config.json');
    },
  ],
  [
    '配置文件 config.json 中的预设 "huge" 不存在',
    () => {
      writeFileSync('config.json', '{"preset":"huge"}');
      return said('train', '--config', 'config.json');
    },
  ],
  ['配置有误：layers 应为 1 到 64 之间的整数，实为 100', () => said('train', '--layers', '100')],
  [
    '配置有误：lr 应为大于 0 且不大于 1000000 的数，实为 0；seed 应为不小于 0 的整数，实为 -1',
    () => withWrong({ lr: 0, seed: -1 }),
  ],
  ['配置有误：dropout 应为不小于 0 且小于 1 的数，实为 1', () => withWrong({ dropout: 1 })],
  ['配置有误：clipNorm 应为大于 0 的数，实为 0', () => said('train', '--clip-norm', '0')],
  ['配置有误：tieWeights 应为 true 或 false，实为 1', () => withWrong({ tieWeights: 1 })],
  ['配置有误：data 应为非空的字符串，实为 ""', () => withWrong({ data: '' })],
  ['配置有误：cell 应为 "lstm"、"gru"、"rnn" 之一，实为 "cnn"', () => withWrong({ cell: 'cnn' })],
  ['配置有误：共享权重时，--embed 与 --hidden 必须相等', () => said('train', '--tie-weights')],
  ['配置有误：未知选项 epoch', () => withWrong({ epoch: 5 })],
  [
    '选项有误：topP 应为 0 到 1 之间的数，实为 2',
    async () => {
      await using model = await Model.load('run');
      return await refusal(() => model.generate({ topP: 2 }));
    },
  ],

  // runs
  ['runs/ 下没有可以继续的训练：请用 npm run train 开始新的训练', () => said('train', '--resume')],
  ['run 中已有训练：请用 --resume 继续，或用 --out 另选目录', () => said('train', '--out', 'run')],
  [
    'folder 中没有可以继续的训练：去掉 --resume 即可开始新的训练',
    () => said('train', '--out', 'folder', '--resume'),
  ],
  ['poems.txt 不是目录：请用 --out 另选', () => said('train', '--out', 'poems.txt')],
  [
    `进程 ${process.pid} 正在 run 中训练：请等它结束，或用 --out 另选目录`,
    async () => {
      const lock = lockRun('run');
      try {
        return await refusal(() => lockRun('run'));
      } finally {
        lock?.release();
      }
    },
  ],
  ['继续训练时沿用已有的权重：请去掉 --init', () => said('train', '--out', 'run', '--resume', '--init', 'a')],
  [
    'run 中的训练 layers 为 2，继续时不能改为 3：请去掉此选项，或开始新的训练',
    () => said('train', '--out', 'run', '--resume', '--layers', '3'),
  ],
  [
    '语料 others.txt 与 run 中的训练所用的语料不同：请恢复原来的语料，或用 --init 以它的权重开始新的训练',
    () => {
      writeFileSync('others.txt', `题:${POEMS[0]}\n题:${POEMS[1]}\n`);
      return resume({ config: { data: 'others.txt' } });
    },
  ],
  [
    /^第 \d+ 步（第 1 轮第 \d+ 批）的损失为 \S+，梯度范数为 \S+。没有检查点。请调低学习率，或改用 --precision bf16，重新训练$/,
    async () =>
      // fp16 needs a GPU
      (await diverged({}, 'diverged-16')).replace(
        /\.$/,
        inSource('lib/train/train.ts', ', or with precision bf16.'),
      ),
  ],
  [
    /^第 \d+ 步（第 \d+ 轮第 \d+ 批）的损失为 \S+，梯度范数为 \S+。检查点 diverged\/last\.safetensors 存至第 \d+ 步。请调低学习率，重新训练$/,
    () => diverged({}, 'diverged', 1),
  ],

  // notices
  [
    '轮数为 3，原为 1：学习率的变化按新的轮数计算',
    () => notices({ out: copyOf('longer'), resume: true, config: { epochs: 3 } }),
  ],
  [
    '现为 avx2，原为 avx512：结果与不中断的训练不再逐位相同',
    () => {
      const before = {
        device: 'cpu',
        instructionSet: 'avx512',
        libtorch: '2.11.0',
        unicode: '15.1',
      } as const;
      return changesSince(before, { ...before, instructionSet: 'avx2' }).join('; ');
    },
  ],
  [
    '此前没有保存过检查点：从头开始',
    async () => {
      await mkdir('early');
      cpSync('run/config.json', 'early/config.json');
      return notices({ out: 'early', resume: true });
    },
  ],
  [
    /^lost\/last\.safetensors 不存在：从 lost\/best\.safetensors（第 \d+ 步）继续$/,
    () => {
      rmSync(join(copyOf('lost'), 'last.safetensors'));
      return notices({ out: 'lost', resume: true });
    },
  ],
  [
    '不学习诗题：所给权重的词表中没有相应的标记',
    () =>
      notices({
        out: 'untitled',
        init: 'run/last.safetensors',
        config: { ...smallConfig('poems.txt', 1), titles: true },
      }),
  ],
  [
    '未使用 H200：NVIDIA 驱动找不到设备',
    () =>
      withCuda(
        {
          devices: [{ name: 'H200' }],
          problem: inSource('native/cuda/driver.cc', 'the NVIDIA driver finds no device'),
        },
        async () => (await unusedGpu()) ?? '',
      ),
  ],

  // devices, memory, the addon
  ['fp16 只用于 GPU：请改用 --precision fp32', () => said('train', '--out', 'half', '--precision', 'fp16')],
  [
    '在 CPU 上用 bf16 需要支持 AVX512_BF16 的处理器：请改用 --precision fp32',
    () =>
      `${inSource('native/train/arithmetic.cc', 'bf16 on the CPU needs a processor with AVX512_BF16')}: use precision fp32`,
  ],
  ['未知的设备“gpu”。可选：auto、cpu、cuda、cuda:N', () => gen('--device', 'gpu')],
  [
    '设备 cuda:0 不可用：没有 NVIDIA 驱动 (libcuda.so.1)。请改用 cpu，或运行 npm run doctor 查看详情',
    () => unavailable(`${inSource('native/cuda/driver.cc', 'there is no NVIDIA driver')} (libcuda.so.1)`),
  ],
  [
    '设备 cuda:0 不可用：当前的 libtorch 2.14.1 不支持 CUDA，可用 npm run setup -- --cuda 下载支持的版本。请改用 cpu，或运行 npm run doctor 查看详情',
    () =>
      unavailable(
        inSource(
          'native/cuda/driver.cc',
          'this libtorch " TORCH_VERSION " has no CUDA support: npm run setup -- --cuda fetches one that has',
        ).replace('" TORCH_VERSION "', '2.14.1'),
      ),
  ],
  [
    '设备 cuda:3 不可用：只有一块 GPU，即 cuda:0。请改用 cpu，或运行 npm run doctor 查看详情',
    () => withCuda({ devices: [{}] }, () => refusal(() => resolveDevice('cuda:3'))),
  ],
  [
    '设备 cuda:3 不可用：可用的 GPU 为 cuda:0 至 cuda:1。请改用 cpu，或运行 npm run doctor 查看详情',
    () => withCuda({ devices: [{}, {}] }, () => refusal(() => resolveDevice('cuda:3'))),
  ],
  ['内存不足', () => inSource('native/addon/marshal.cc', 'out of memory')],
  [
    '显存不足：无法分配 2.00 GiB。请减小 --batch 或模型',
    () =>
      `CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 1.00 GiB.${inSource('native/torch_error.cc', ' A smaller batch or model needs less.')}`,
  ],
  [
    /^内存不足：无法分配 \d+ 字节$/,
    () =>
      refusal(() => {
        const config = { ...presetConfig('default'), embedDim: 65_536 };
        const model = modelConfig(config, 2 ** 30); // more than a process can address
        return TrainingSession.open({
          model,
          optimizer: config.optimizer,
          device: 'cpu',
          seed: 1n,
          threads: 1,
        });
      }),
  ],
  [
    /^尚未编译训练和 GPU 所用的原生插件（.*tangshi\.node）：请运行 npm run setup$/,
    () =>
      loadingAddon(() =>
        jest.doMock('node:fs', () => ({
          ...jest.requireActual('node:fs'),
          existsSync: (path: string) => !path.endsWith('.node'),
        })),
      ),
  ],
  [
    /^尚未编译原生插件（.*writer\.node）：请运行 npm run doctor$/,
    () =>
      loadingAddon(
        () =>
          jest.doMock('node:fs', () => ({
            ...jest.requireActual('node:fs'),
            existsSync: (path: string) => !path.endsWith('.node'),
          })),
        'writerAddon',
      ),
  ],
  [
    '训练和 GPU 所用的原生插件编译失败：请按上述信息处理，然后运行 npm run setup',
    () =>
      `${inSource('scripts/cli/training-addon.ts', 'The native addon for training and GPUs could not be built: see above, then run ')}npm run setup`,
  ],
  [
    '无法加载原生插件（libtorch.so: cannot open）：请运行 npm run setup',
    () =>
      loadingAddon(() =>
        jest.doMock(ADDON, () => {
          throw new Error('libtorch.so: cannot open');
        }),
      ),
  ],
  [
    '当前目录已不存在：请换到别的目录',
    () =>
      loadingAddon(() =>
        jest.spyOn(process, 'cwd').mockImplementation(() => {
          throw new Error('ENOENT');
        }),
      ),
  ],
];

/** The message of a training whose learning rate is far too high. */
function diverged(config: object, out: string, saveEvery?: number): Promise<string> {
  const halves = POEMS.map((poem) => poem.split(/(?<=。)/));
  const poems = halves.flatMap(([first]) => halves.map(([, second]) => `题:${first}${second}\n`));
  writeFileSync('many.txt', poems.join(''));
  const all = { ...smallConfig('many.txt', 2), heldOut: 0, lr: 1e6, ...config };
  return refusal(() => events({ config: all, out, saveEvery, device: 'cpu' }));
}

test.each(CASES)('%s', async (zh, call) => {
  const message = (await call()).replaceAll(`${folder}/`, '').replaceAll(`${ROOT}/`, '');
  CHINESE.reduce((text, [pattern, replacement]) => {
    if (text.search(pattern) >= 0) used.add(pattern);
    return text.replace(pattern, replacement as string);
  }, message);
  if (typeof zh === 'string') expect(translated(message)).toBe(zh);
  else expect(translated(message)).toMatch(zh);
});

test('every pattern has a message', () => {
  expect(CHINESE.map(([pattern]) => pattern).filter((pattern) => !used.has(pattern))).toEqual([]);
});

test('reasons for rejecting poems', () => {
  expect(rejectionsText({ duplicate: 1234, latin: 2, blank: 0 })).toBe('重复 1,234、含有字母或数字 2');
});
