// @ts-check
'use strict';

/** Messages of the setup. They all go to stderr: stdout belongs to the command that runs afterwards. */

/** An expected failure. Its lines say what is wrong and how to fix it; no stack is printed. */
class Stop extends Error {
  /** @param {string[]} lines */
  constructor(...lines) {
    super(lines.join('\n'));
  }
}

/** @param {string} text */
function say(text) {
  const [first, ...rest] = text.split('\n');
  clearLine();
  process.stderr.write([`tangshi: ${first}`, ...rest.map((line) => `  ${line}`), ''].join('\n'));
}

function clearLine() {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
}

/**
 * Progress: a line that is redrawn on a terminal, a line now and then in a pipe.
 * @param {number} everyMs minimum time between two lines in a pipe
 */
function progress(everyMs = 10_000) {
  let shown = Date.now();
  return {
    /** @param {string} text */
    show(text) {
      if (process.stderr.isTTY) {
        clearLine();
        process.stderr.write(`tangshi: ${text}`.slice(0, (process.stderr.columns || 80) - 1));
      } else if (Date.now() - shown >= everyMs) {
        shown = Date.now();
        say(text);
      }
    },
    done: clearLine,
  };
}

/**
 * Shortens a path for display.
 * @param {string} file
 */
function tilde(file) {
  const home = require('node:os').homedir();
  return file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file;
}

/** @param {number} bytes */
function megabytes(bytes) {
  return Math.round(bytes / 1e6);
}

module.exports = { Stop, say, progress, tilde, megabytes };
