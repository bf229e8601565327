import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { IN_CLONE, ROOT } from '../../lib/util/package-root';
import { checkCommand } from './check';
import { addCommonOptions, newCommand, withConventions } from './command';
import { completionCommand } from './completion';
import { evalCommand } from './eval';
import { exportCommand } from './export';
import { genCommand } from './gen';
import { t } from './language';
import { trainCommand } from './train';

/** The program `tangshi` with all its commands, in the user's language. */
export function createProgram(): Command {
  const program = withConventions(new Command(IN_CLONE ? 'npm run' : 'npx tangshi'))
    .description(t('Learns to write Tang poems: an LSTM over libtorch.', '用 LSTM 学写唐诗，基于 libtorch。'))
    .usage(
      IN_CLONE ? t('<command> -- [options]', '<命令> -- [选项]') : t('<command> [options]', '<命令> [选项]'),
    )
    .version(packageVersion(), '-v, --version', t('print the version', '显示版本号'))
    .helpCommand('help [command]', t('display help for a command', '显示命令的帮助'));
  const commands = [
    genCommand().summary(t('generate poems', '写诗')),
    trainCommand().summary(t('train a model', '训练模型')),
    evalCommand().summary(t('measure how well a model predicts and writes poems', '评估模型')),
    checkCommand().summary(t('check poems against the rules of regulated verse', '检查诗的格律')),
    exportCommand().summary(t('export a trained model to a small file', '把训练好的模型导出为小文件')),
    doctorCommand().summary(t('report what is installed and what is missing', '查看已安装和缺失的组件')),
    setupCommand().summary(t('build what is missing', '安装缺失的组件')),
    completionCommand(program).summary(t('print a completion script for a shell', '输出 shell 的补全脚本')),
  ];
  for (const command of commands) program.addCommand(addCommonOptions(command));
  return addCommonOptions(program);
}

function packageVersion(): string {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
}

/** Programs of their own, which run before any module is installed. */
function doctorCommand(): Command {
  return newCommand('doctor')
    .description(
      t(
        'Report what is installed, what is missing, and how to fix it. The exit code is 1 if poems cannot be generated.',
        '查看已安装的组件、缺失的组件及修复方法。无法写诗时，退出码为 1。',
      ),
    )
    .action(() => runScript('cli/doctor.js', []));
}

function setupCommand(): Command {
  return newCommand('setup')
    .description(t('Build what is missing: libtorch and the addon.', '安装缺失的组件：libtorch 和原生插件。'))
    .option(
      '--writer',
      t('only what generates poems: needs no libtorch', '只安装写诗所需的插件，不需要 libtorch'),
    )
    .option('--cuda', t('with a libtorch for CUDA', '使用支持 CUDA 的 libtorch'))
    .option(
      '--remove',
      t('remove what it installed: libtorch, corpora, builds', '删除已安装的 libtorch、语料和编译结果'),
    )
    .action((flags) =>
      runScript(
        'setup/setup.js',
        SETUP_FLAGS.filter((name) => flags[name]).map((name) => `--${name}`),
      ),
    );
}

const SETUP_FLAGS = ['writer', 'cuda', 'remove'] as const;

function runScript(path: string, args: readonly string[]): void {
  const script = join(ROOT, 'scripts', path);
  process.argv = [process.execPath, script, ...args];
  require(script);
}
