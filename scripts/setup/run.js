// @ts-check
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const readline = require('node:readline');

/**
 * Each command runs in its own process group, so that it can be ended with everything it started.
 * @type {Set<number>}
 */
const groups = new Set();

process.on('exit', () => {
  for (const group of groups) endGroup(group, 'SIGTERM');
});

/**
 * @param {number} pid leader of the group
 * @param {NodeJS.Signals} signal
 */
function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {} // already gone
}

/**
 * Runs a command to its end. Its output is captured, not shown.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, log?: string, onLine?: (line: string) => void,
 *           lock?: { adopt(pid: number): void } }} options log: a file to append the output to;
 *           lock: the lock held during the command; if we are killed, its next holder ends the command
 * @returns {Promise<{ ok: boolean, lines: string[] }>}
 */
function run(command, args, { cwd, env, log, onLine, lock }) {
  return new Promise((resolve) => {
    /** @type {string[]} */
    const lines = [];
    const logFile = log ? fs.openSync(log, 'a') : null;
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (child.pid) {
      groups.add(child.pid);
      lock?.adopt(child.pid);
    }
    for (const stream of [child.stdout, child.stderr]) {
      readline.createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (logFile !== null) fs.writeSync(logFile, `${line}\n`);
        onLine?.(line);
      });
    }
    /** @param {boolean} ok */
    const end = (ok) => {
      if (child.pid) groups.delete(child.pid);
      if (logFile !== null) fs.closeSync(logFile);
      resolve({ ok, lines });
    };
    child.on('error', (error) => {
      if (child.pid) return;
      lines.push(
        /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT'
          ? `${command}: not found`
          : String(error),
      );
      end(false);
    });
    child.on('close', (code, signal) => {
      if (!child.pid) return;
      if (signal) lines.push(`${command} was killed by ${signal}`);
      end(code === 0);
    });
  });
}

module.exports = { run, endGroup };
