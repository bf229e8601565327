import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { usableCpus } from '../../lib/util/cpus';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tangshi-cpus-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Writes files in the kernel's format, and returns the number of CPUs. */
function cpusWith(files: Readonly<Record<string, string>>): number {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${content}\n`);
  }
  return usableCpus(root);
}

const ALL = availableParallelism();
const V2 = 'sys/fs/cgroup';
const MOUNT_V2 = '35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';
const V1 = 'sys/fs/cgroup/cpu,cpuacct';
const mountV1 = (top = '/') =>
  [
    `32 31 0:29 ${top} /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset`,
    `33 31 0:30 ${top} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct`,
  ].join('\n');
const quotaV1 = (group: string, quota: number, period = 100_000) => ({
  [`${V1}${group}/cpu.cfs_quota_us`]: String(quota),
  [`${V1}${group}/cpu.cfs_period_us`]: String(period),
});

test('without control groups, all cores', () => {
  expect(cpusWith({})).toBe(ALL);
});

describe('version 2', () => {
  const own = { 'proc/self/cgroup': '0::/jobs/one', 'proc/self/mountinfo': MOUNT_V2 };

  test('the quota of its own group', () => {
    expect(cpusWith({ ...own, [`${V2}/jobs/one/cpu.max`]: '100000 100000' })).toBe(1);
  });

  test('the quota of a parent group', () => {
    const files = { [`${V2}/jobs/cpu.max`]: '50000 50000', [`${V2}/jobs/one/cpu.max`]: 'max 100000' };
    expect(cpusWith({ ...own, ...files })).toBe(1);
  });

  test('no quota', () => {
    expect(cpusWith({ ...own, [`${V2}/jobs/one/cpu.max`]: 'max 100000' })).toBe(ALL);
    expect(cpusWith({ ...own, [`${V2}/jobs/one/cpu.max`]: '' })).toBe(ALL);
  });

  test.each([
    ['20000 100000', 1],
    ['100000 100000', 1],
    ['100001 100000', 2],
    ['99000000 100000', ALL],
  ])('a quota of %s means %i CPUs', (quota, cpus) => {
    expect(cpusWith({ ...own, [`${V2}/jobs/one/cpu.max`]: quota })).toBe(Math.min(ALL, cpus));
  });

  test('the quota of another group is ignored', () => {
    expect(cpusWith({ ...own, [`${V2}/jobs/two/cpu.max`]: '100000 100000' })).toBe(ALL);
  });

  test.each(['0::/', '0::/../other'])('in a container whose own group is the root: %s', (line) => {
    const files = { ...own, 'proc/self/cgroup': line, [`${V2}/cpu.max`]: '100000 100000' };
    expect(cpusWith(files)).toBe(1);
  });
});

describe('version 1', () => {
  const own = { 'proc/self/cgroup': '4:cpuset:/\n2:cpu,cpuacct:/a:b/c\n0::/' };

  test('the quota of its own group', () => {
    expect(cpusWith({ ...own, 'proc/self/mountinfo': mountV1(), ...quotaV1('/a:b/c', 100_000) })).toBe(1);
  });

  test('the quota of a parent group', () => {
    const quotas = { ...quotaV1('/a:b/c', -1), ...quotaV1('/a:b', 30_000, 30_000) };
    expect(cpusWith({ ...own, 'proc/self/mountinfo': mountV1(), ...quotas })).toBe(1);
  });

  test('no quota', () => {
    expect(cpusWith({ ...own, 'proc/self/mountinfo': mountV1(), ...quotaV1('/a:b/c', -1) })).toBe(ALL);
  });

  test('in a container that only sees its own part of the hierarchy', () => {
    const files = { ...own, 'proc/self/mountinfo': mountV1('/a:b'), ...quotaV1('/c', 100_000) };
    expect(cpusWith(files)).toBe(1);
  });

  test('next to an empty version 2 hierarchy', () => {
    const both = `${mountV1()}\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`;
    expect(cpusWith({ ...own, 'proc/self/mountinfo': both, ...quotaV1('/a:b/c', 100_000) })).toBe(1);
  });
});
