#!/usr/bin/env node
import { run } from './command';
import { createProgram } from './program';

run(createProgram());
