#!/usr/bin/env node
/** The commands of the installed package: `npx tangshi gen 湖`. */

import { join } from 'node:path';
import { ROOT } from '../../lib/util/package-root';

const COMMANDS: Readonly<Record<string, readonly [description: string, load: () => unknown]>> = {
  gen: ['generates poems: npx tangshi gen 湖 --form 七绝', () => require('./gen')],
  train: ['trains a model', () => require('./train')],
  eval: ['measures how well a model predicts poems', () => require('./eval')],
  check: ['checks poems against the rules of regulated verse', () => require('./check')],
  export: ['exports a trained model to a small file', () => require('./export')],
  doctor: [
    'reports what is installed, what is missing, and how to fix it',
    () => require(join(ROOT, 'scripts/cli/doctor.js')),
  ],
  setup: ['builds what is missing', () => require(join(ROOT, 'scripts/setup/setup.js'))],
};

const [, , name = '--help', option] = process.argv;
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (name === '--version' || name === '-v') {
  process.stdout.write(`${require(join(ROOT, 'package.json')).version}\n`);
} else if (command && option === '--help' && (name === 'setup' || name === 'doctor')) {
  const more = name === 'setup' ? '\n--cuda: with libtorch for CUDA' : '';
  process.stdout.write(`npx tangshi ${name}: ${command[0]}${more}\n`);
} else if (command) {
  process.argv.splice(2, 1); // the command parses the rest
  command[1]();
} else {
  const isHelp = ['--help', '-h', 'help'].includes(name);
  const list = Object.entries(COMMANDS).map(([name, [description]]) => `  ${name.padEnd(8)}${description}\n`);
  const text = `Usage: npx tangshi <command> [options]\n\n${list.join('')}\nRun a command with --help for its options.\n`;
  (isHelp ? process.stdout : process.stderr).write(isHelp ? text : `Unknown command ${name}.\n${text}`);
  process.exitCode = isHelp ? 0 : 1;
}
