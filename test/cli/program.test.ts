/** Help, shell completion and translations of the commands. */
import { execFileSync } from 'node:child_process';
import type { Command } from 'commander';
import stringWidth from 'string-width';
import { detectLanguage, type Language, useLanguage } from '../../scripts/cli/language';
import { createProgram } from '../../scripts/cli/program';
import { translated } from '../../scripts/cli/translate';

function programIn(language: Language): Command {
  useLanguage(language);
  return createProgram();
}
afterEach(() => useLanguage('en'));

const english = () => programIn('en').commands;
const names = english().map((command) => command.name());

test('the commands', () => {
  expect(names).toEqual(['gen', 'train', 'eval', 'check', 'export', 'doctor', 'setup', 'completion']);
});

describe.each(names)('%s', (name) => {
  const find = (language: Language) =>
    programIn(language).commands.find((command) => command.name() === name) as Command;
  const [en, zh] = [find('en'), find('zh')];

  test('every option and argument has help in English and in Chinese', () => {
    const inEnglish = [en, ...en.options, ...en.registeredArguments];
    const inChinese = [zh, ...zh.options, ...zh.registeredArguments];
    const text = (item: Command | { description: string }) =>
      typeof item.description === 'function' ? item.description() : item.description;
    for (const [i, item] of inEnglish.entries()) {
      expect(text(item)).toMatch(/[a-z]/);
      expect(text(inChinese[i] as typeof item)).toMatch(/\p{Script=Han}|^classic|^auto、|^bash、/u);
      expect(text(inChinese[i] as typeof item)).not.toBe(text(item));
    }
    expect(zh.summary()).toMatch(/\p{Script=Han}/u);
  });

  test('help does not mix languages', () => {
    expect(en.helpInformation()).toMatch(/^Usage: /);
    useLanguage('zh');
    const help = zh.helpInformation();
    expect(help).toMatch(/^用法：/);
    expect(help).not.toMatch(/Usage|Options:|Arguments:|default:|choices:|display help/);
    for (const line of help.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(80);
  });
});

test.each<[string[], NodeJS.ProcessEnv, Language]>([
  [[], {}, 'en'],
  [[], { LANG: 'zh_CN.UTF-8' }, 'zh'],
  [[], { LANG: 'zh_CN.UTF-8', LC_MESSAGES: 'en_US.UTF-8' }, 'en'],
  [[], { LANG: 'en_US.UTF-8', LC_ALL: 'zh_TW.UTF-8' }, 'zh'],
  [['gen', '--lang', 'zh'], { LANG: 'C' }, 'zh'],
  [['--lang=en', 'gen'], { LANG: 'zh_CN' }, 'en'],
  [['--lang', 'fr'], { LANG: 'zh_CN' }, 'zh'],
])('arguments %j with environment %j select %s', (args, env, language) => {
  expect(detectLanguage(args, env)).toBe(language);
});

test('a message without a translation is left unchanged', () => {
  useLanguage('zh');
  expect(translated('Something else')).toBe('Something else');
  useLanguage('en');
  expect(translated('There is no model at a')).toBe('There is no model at a');
});

describe('completion', () => {
  const scripts = Object.fromEntries(
    (['bash', 'zsh', 'fish'] as const).map((shell) => {
      const lines: string[] = [];
      const write = jest
        .spyOn(process.stdout, 'write')
        .mockImplementation((text) => lines.push(String(text)) > 0);
      programIn('en').parse(['completion', shell], { from: 'user' });
      write.mockRestore();
      return [shell, lines.join('')];
    }),
  );

  test.each([
    ['tangshi ge', ['gen']],
    ['tangshi gen --acr', ['--acrostic']],
    [
      'tangshi train --no-',
      ['--no-titles', '--no-tie-weights', '--no-relu-logits', '--no-xavier-output', '--no-graph'],
    ],
  ])('bash: %s', (line, expected) => {
    const words = line.split(' ');
    const program = [
      scripts.bash,
      `COMP_WORDS=(${words.join(' ')}) COMP_CWORD=${words.length - 1}`,
      '_tangshi',
      `printf '%s\\n' "\${COMPREPLY[@]}"`,
    ].join('\n');
    const output = execFileSync('bash', ['-c', program], { encoding: 'utf8' });
    expect(output.trim().split('\n')).toEqual(expected);
  });

  test('fish and zsh complete every command', () => {
    for (const name of names) expect(scripts.fish).toContain(`-a ${name} `);
    expect(scripts.zsh).toContain(scripts.bash);
  });
});
