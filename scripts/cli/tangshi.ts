#!/usr/bin/env node
/** The commands, where the package is installed: `npx tangshi gen 湖`. */

import { join } from 'node:path';
import { ROOT } from '../../lib/util/package-root';

const COMMANDS: Readonly<Record<string, readonly [does: string, load: () => unknown]>> = {
  gen: ['writes poems: npx tangshi gen 湖 --form 七绝', () => require('./gen')],
  train: ['trains a model', () => require('./train')],
  eval: ['measures a model', () => require('./eval')],
  check: ['judges poems by the rules of regulated verse', () => require('./check')],
  export: ['makes a small file of a trained model', () => require('./export')],
  doctor: ['says what is there and what is missing', () => require(join(ROOT, 'scripts/cli/doctor.js'))],
  setup: ['builds what is missing', () => require(join(ROOT, 'scripts/setup/setup.js'))],
};

const [, , name = '--help', option] = process.argv;
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (name === '--version' || name === '-v') {
  process.stdout.write(`${require(join(ROOT, 'package.json')).version}\n`);
} else if (command && option === '--help' && (name === 'setup' || name === 'doctor')) {
  const more = name === 'setup' ? '\n--cuda: with a libtorch for CUDA' : '';
  process.stdout.write(`npx tangshi ${name}: ${command[0]}${more}\n`);
} else if (command) {
  process.argv.splice(2, 1); // what the command reads are its own options
  command[1]();
} else {
  const help = ['--help', '-h', 'help'].includes(name);
  const list = Object.entries(COMMANDS).map(([name, [does]]) => `  ${name.padEnd(8)}${does}\n`);
  const text = `Usage: npx tangshi <command> [options]\n\n${list.join('')}\n--help after a command shows its options.\n`;
  (help ? process.stdout : process.stderr).write(help ? text : `There is no command ${name}.\n${text}`);
  process.exitCode = help ? 0 : 1;
}
