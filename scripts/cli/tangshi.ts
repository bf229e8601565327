#!/usr/bin/env node
import { run } from './command';
import { createProgram } from './program';

const program = createProgram();
if (process.argv.length > 2) run(program);
else program.outputHelp();
