import type { Command } from 'commander';
import { newCommand } from './command';
import { t } from './language';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** `tangshi completion`: a script that completes the commands and options of a program. */
export function completionCommand(program: Command): Command {
  return newCommand('completion', 'SHELL')
    .description(
      t(
        'Print a script that completes commands and options in a shell, such as: eval "$(tangshi completion bash)"',
        '输出在 shell 中补全命令和选项的脚本，例如：eval "$(tangshi completion bash)"',
      ),
    )
    .addArgument(
      program.createArgument('<shell>', t('bash, zsh or fish', 'bash、zsh 或 fish')).choices(SHELLS),
    )
    .action((shell: Shell) => {
      process.stdout.write(shell === 'fish' ? fish(program) : shell === 'zsh' ? zsh(program) : bash(program));
    });
}

const longOptions = (command: Command) =>
  command.options
    .filter(({ hidden }) => !hidden)
    .map(({ long, description }) => ({ long: long as string, description }));

/** Completes file names where no option begins. */
function bash(program: Command): string {
  const names = program.commands.map((command) => command.name()).join(' ');
  const cases = program.commands.map(
    (command) =>
      `    ${command.name()}) words="${longOptions(command)
        .map(({ long }) => long)
        .join(' ')}" ;;\n`,
  );
  return `_tangshi() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=
  case "\${COMP_WORDS[1]}" in
${cases.join('')}  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${names}"
  [ "$COMP_CWORD" -eq 1 ] || [[ "$word" == -* ]] || return
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _tangshi tangshi
`;
}

/** zsh understands completions of bash. */
function zsh(program: Command): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(program)}`;
}

function fish(program: Command): string {
  const lines = program.commands.flatMap((command) => [
    `complete -c tangshi -n __fish_use_subcommand -f -a ${command.name()} -d ${quoted(firstLine(command.description()))}`,
    ...longOptions(command).map(
      ({ long, description }) =>
        `complete -c tangshi -n '__fish_seen_subcommand_from ${command.name()}' -l ${long.slice(2)} -d ${quoted(description)}`,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}

function firstLine(text: string): string {
  return text.split('\n')[0] as string;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
