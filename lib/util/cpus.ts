import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Number of threads that can run at once: the cores available to this process, limited by the CPU quota of its control
 * group, which containers use. Node counts the cores, but considers the quota only from libuv 1.49 on, so not in Node
 * 20.
 *
 * Fractions are rounded up: with a quota of 1.5, training on 2 threads is 1.5 times as fast as on 1; with 1.1, it is as
 * fast as on 1. With an integer quota, another thread would only wait. (libuv rounds down.)
 *
 * @param root Folder that contains `proc` and `sys`.
 */
export function usableCpus(root = '/'): number {
  return Math.min(availableParallelism(), Math.ceil(cpuQuota(root)));
}

/** The quota in CPUs; infinite if there is none. Format: https://man7.org/linux/man-pages/man7/cgroups.7.html */
function cpuQuota(root: string): number {
  const quotas = cpuGroups(root).map(quotaOf);
  return Math.min(Number.POSITIVE_INFINITY, ...quotas);
}

/** Folders of the control groups that limit this process: its own and its parents, in version 1 and in version 2. */
function cpuGroups(root: string): string[] {
  const own = linesOf(join(root, 'proc/self/cgroup')).map((line) => line.split(':')); // id:controllers:path
  return linesOf(join(root, 'proc/self/mountinfo')).flatMap((line) => {
    const [mount = '', superblock = ''] = line.split(' - ');
    const [, , , top = '', mountPoint = ''] = mount.split(' ');
    const [type, , options] = superblock.split(' ');
    const group = own.find(([id, controllers]) =>
      type === 'cgroup2' ? id === '0' : type === 'cgroup' && hasCpu(options) && hasCpu(controllers),
    );
    return group ? groupsUpTo(join(root, mountPoint), pathWithin(top, group.slice(2).join(':'))) : [];
  });
}

function hasCpu(list = ''): boolean {
  return list.split(',').includes('cpu');
}

/** A container may see only its own part of the hierarchy, while the path of its group starts at the machine's root. */
function pathWithin(top: string, path: string): string {
  if (path.startsWith('/..')) return '/';
  if (top === '/') return path;
  return path === top || path.startsWith(`${top}/`) ? path.slice(top.length) : '/';
}

function groupsUpTo(mountPoint: string, path: string): string[] {
  const folder = join(mountPoint, path);
  return path === '/' || path === '' ? [folder] : [folder, ...groupsUpTo(mountPoint, dirname(path))];
}

/** The quota of one group in CPUs: run time per period. Version 2 has `max` and version 1 has -1 for none. */
function quotaOf(group: string): number {
  const [version2] = linesOf(join(group, 'cpu.max'));
  const [quota, period] =
    version2?.split(' ') ??
    ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].flatMap((name) => linesOf(join(group, name)));
  const cpus = Number(quota) / Number(period);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}

/** No lines if the file cannot be read: another system, or another version of control groups. */
function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n');
  } catch {
    return [];
  }
}
