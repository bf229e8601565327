// @ts-check
'use strict';

const { spawnSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { endGroup } = require('./run');
const { say, tilde } = require('./say');

/**
 * A lock is a file that names the process holding it. It is created with its content in one step (a hard link). The
 * lock of a dead process is taken over.
 *
 * @typedef {{ id: string, pid: number, start: string, where: string }} Owner
 *   start: start time of the process, to distinguish it from a later one with the same PID;
 *   where: the machine and PID namespace in which the PID is valid
 * @typedef {{ adopt(pid: number): void, release(): void }} Lock
 */

/**
 * Waits until the lock is ours.
 * @param {string} file
 * @param {string} doing what the holder is busy with, to show while waiting
 * @returns {Promise<Lock>}
 */
async function acquire(file, doing) {
  const me = { id: randomBytes(6).toString('hex'), ...identity() };
  let told = false;
  while (!claim(file, me)) {
    const owner = read(file);
    if (!owner) continue; // released in the meantime
    if (isDead(owner)) {
      await remove(file, owner, doing);
      continue;
    }
    if (!told) tellWhoHolds(file, owner, doing);
    told = true;
    await sleep(200);
  }
  await endWhatOutlived(file);
  return hold(file, me);
}

/**
 * @param {string} file
 * @param {Owner} me
 */
function claim(file, me) {
  const draft = `${file}.${me.id}.new`;
  fs.writeFileSync(draft, JSON.stringify(me));
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.unlinkSync(draft);
  }
}

/**
 * @param {string} file
 * @returns {Owner | null}
 */
function read(file) {
  try {
    const owner = JSON.parse(fs.readFileSync(file, 'utf8'));
    if (typeof owner?.id === 'string') return owner;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return null;
  }
  // Damaged, such as by a power failure, since locks are created in one step. Nobody holds it.
  return { id: 'unreadable', pid: 0, start: '', where: identity().where };
}

/**
 * Removes the lock of a dead process. Only the holder of a second lock, named after that dead owner, may do it;
 * otherwise two processes that found it dead at the same time could remove each other's new lock.
 * @param {string} file
 * @param {Owner} dead
 * @param {string} doing
 */
async function remove(file, dead, doing) {
  const turn = await acquire(`${file}.${dead.id}`, doing);
  if (read(file)?.id === dead.id) fs.unlinkSync(file);
  turn.release();
}

/**
 * @param {string} file
 * @param {Owner} me
 * @returns {Lock}
 */
function hold(file, me) {
  const release = () => {
    if (read(file)?.id !== me.id) return; // the folder was deleted
    fs.rmSync(`${file}.child`, { force: true });
    fs.rmSync(file, { force: true });
  };
  process.on('exit', release);
  return {
    adopt(pid) {
      const child = { pid, start: startOf(pid) };
      if (fs.existsSync(file)) fs.writeFileSync(`${file}.child`, JSON.stringify(child));
    },
    release() {
      process.off('exit', release);
      release();
    },
  };
}

/**
 * A killed setup may have left a command running; two commands in one folder would interfere.
 * @param {string} file
 */
async function endWhatOutlived(file) {
  const record = `${file}.child`;
  const child = readChild(record);
  const running = () => child.pid > 0 && child.start !== '' && startOf(child.pid) === child.start;
  for (let tries = 0; running() && tries < 50; tries++) {
    endGroup(child.pid, tries < 30 ? 'SIGTERM' : 'SIGKILL');
    await sleep(100);
  }
  fs.rmSync(record, { force: true });
}

/**
 * @param {string} record
 * @returns {{ pid: number, start: string }} PID 0 if there is none, or the record is damaged
 */
function readChild(record) {
  const none = { pid: 0, start: '' };
  try {
    return { ...none, ...JSON.parse(fs.readFileSync(record, 'utf8')) };
  } catch {
    return none;
  }
}

/**
 * @param {string} file
 * @param {Owner} owner
 * @param {string} doing
 */
function tellWhoHolds(file, owner, doing) {
  const elsewhere = owner.where !== identity().where;
  const unsure = elsewhere ? `\nIt runs on ${owner.where}; if it no longer does, delete ${tilde(file)}` : '';
  say(`waiting for process ${owner.pid}, which is ${doing} …${unsure}`);
}

/** @param {Owner} owner */
function isDead(owner) {
  const start = startOf(owner.pid);
  return owner.where === identity().where && (start === '' || start !== owner.start);
}

function identity() {
  return { pid: process.pid, start: startOf(process.pid), where: os.hostname() + processSpace() };
}

/** Containers on one machine may have separate PID namespaces. */
function processSpace() {
  try {
    return ` ${path.basename(fs.readlinkSync('/proc/self/ns/pid'))}`;
  } catch {
    return '';
  }
}

/**
 * Start time of a process, or '' if there is no such process.
 * @param {number} pid
 * @returns {string}
 */
function startOf(pid) {
  if (!pid) return '';
  if (process.platform === 'linux') {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? '' : (fields[19] ?? '');
    } catch {
      return '';
    }
  }
  return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' }, // ps formats the date for the user's language and time zone
  }).stdout.trim();
}

module.exports = { acquire };
