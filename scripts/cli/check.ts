import { type Command, Option } from 'commander';
import { type CheckOptions, checkPoem, formatCheck, type PoemCheck, TangshiError } from '../../lib';
import { poemsOf } from '../../lib/data/poem-rows';
import { scriptConverter } from '../../lib/util/script-conversion';
import { newCommand } from './command';
import { encodingOption } from './corpus-options';
import { language, t } from './language';
import { readText } from './text-file';
import { rhymeBookOption, scriptOption } from './verse-options';

/** `tangshi check`. */
export function checkCommand(): Command {
  return newCommand('check', 'FILE')
    .description(
      t(
        'Check poems against the rules of their form: tones, rhymes and lines of regulated verse, ci, couplets and old-style ' +
          'verse. Separate poems by blank lines, or write title:poem on each line. The exit code is 1 if a poem breaks a rule.',
        '检查诗词、对联是否合律：体裁、押韵、平仄。各首之间空一行，或每首写成一行：标题:诗。\n只要有一首不合格律，退出码就是 1。',
      ),
    )
    .argument('<file>', t('a text file, or - for stdin', '文本文件；- 表示标准输入'))
    .option(
      '--form <form>',
      t(
        'the form of the poems (default: from the title and the lines)',
        '体裁或词牌（默认由标题和句式判断）',
      ),
    )
    .addOption(
      new Option('--pattern <file>', t('a template of your own', '自定格律的文件')).conflicts('form'),
    )
    .addOption(rhymeBookOption())
    .option(
      '--strict',
      t('also no 三仄尾, no 撞韵 and no neighbouring rhymes', '从严：三仄尾、撞韵、邻韵也算不合律'),
    )
    .addOption(encodingOption())
    .addOption(scriptOption())
    .option('--json', t('print one JSON object per poem, one per line', '每首诗输出一行 JSON'))
    .action(async (file: string, { encoding, json, script, pattern, form, rhymeBook, strict }) => {
      const poems = poemsOf(await readText(file, encoding));
      if (poems.length === 0)
        throw new TangshiError(
          'ERR_TANGSHI_CORPUS',
          `${file === '-' ? 'The input' : file} contains no poems`,
        );
      const convert = script
        ? scriptConverter(`to-${script as 'simplified' | 'traditional'}`)
        : (text: string) => text;
      const options = { form, rhymeBook, strict, pattern: pattern && (await readText(pattern)) };
      for (const check of checkAll(poems, options)) {
        const output = json ? `${JSON.stringify(check)}\n` : `${formatCheck(check, language())}\n\n`;
        process.stdout.write(convert(output));
        if (!check.ok) process.exitCode = 1;
      }
    });
}

/** Highest number of blocks of text that make up a poem: the couplets of regulated verse, or the stanzas of a ci. */
const MAX_BLOCKS = 10;

/** The checks of poems; one that has blank lines between its stanzas or couplets counts as one. */
function checkAll(blocks: readonly string[], options: CheckOptions): PoemCheck[] {
  const checks: PoemCheck[] = [];
  for (let i = 0; i < blocks.length; ) {
    const { check, count } = checkPoemAt(blocks.slice(i, i + MAX_BLOCKS), options);
    checks.push(check);
    i += count;
  }
  return checks;
}

/** The check of the poem that begins with the first block, and the number of its blocks. */
function checkPoemAt(blocks: readonly string[], options: CheckOptions): { check: PoemCheck; count: number } {
  const parts = blocks.map((block) => checkPoem(block, options));
  for (let count = blocks.length; count > 1; count--) {
    const first = parts.slice(0, count);
    const arePoems = first.every(({ ok, form }) => ok !== undefined && form !== '对联');
    if (arePoems) continue;
    const whole = checkPoem(blocks.slice(0, count).join('\n'), options);
    const areCouplets = first.every(({ form }) => form === '对联');
    if (areCouplets ? whole.ok : whole.ok !== undefined) return { check: whole, count };
  }
  return { check: parts[0] as PoemCheck, count: 1 };
}
