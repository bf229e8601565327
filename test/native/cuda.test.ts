import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addon } from '../../lib/native/addon';
import type { CudaFacts } from '../../lib/native/contract';
import { resolveDevice } from '../../lib/native/device';
import { TrainingSession } from '../../lib/native/training-session';
import { sessionConfig } from './fixture';

/**
 * A fake CUDA driver that reports as many devices as DEVICES says: how a machine with a GPU looks to the
 * addon as long as libtorch is not involved.
 */
const DRIVER = `
#include <cstdlib>
#include <cstring>
extern "C" {
static int devices() { return atoi(getenv("DEVICES")); }
int cuInit(unsigned) { return devices() < 0 ? 100 : 0; }
int cuDriverGetVersion(int* version) { *version = 12080; return 0; }
int cuDeviceGetCount(int* count) { *count = devices(); return 0; }
int cuDeviceGet(int* device, int index) { *device = index; return 0; }
int cuDeviceGetName(char* name, int, int device) { strcpy(name, device == 0 ? "First" : "Second"); return 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = 80ull << 30; return 0; }
}`;
// Only Linux loads libcuda.so.1. The results without a driver are checked below.
const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

/** The session configuration as JavaScript source. */
const CONFIG = `{ ...${JSON.stringify({ ...sessionConfig, seed: undefined })}, seed: 1n }`;

describeOnLinux('with a CUDA driver', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tangshi-driver-'));
    writeFileSync(join(folder, 'driver.cc'), DRIVER);
    execFileSync('c++', ['-shared', '-fPIC', '-o', join(folder, 'libcuda.so.1'), join(folder, 'driver.cc')]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Runs a program in a process with the fake driver and parses the JSON it prints. */
  function beside(devices: number, body: string): unknown {
    const program = `const { addon } = require('./lib/native/addon'); const session = { ...require('./lib/native/training-session'), ...require('./lib/native/device') };
      (async () => { ${body} })().then((value) => console.log(JSON.stringify(value)));`;
    const env = { ...process.env, LD_LIBRARY_PATH: folder, DEVICES: String(devices) };
    const out = execFileSync(process.execPath, ['-r', 'ts-node/register', '-e', program], { env });
    return JSON.parse(String(out));
  }

  test('devices are found with their memory', () => {
    const facts = beside(2, 'return addon().findCuda();') as CudaFacts;
    expect(facts.driver).toBe('12.8');
    expect(facts.devices).toEqual([
      { name: 'First', memory: 80 * 2 ** 30 },
      { name: 'Second', memory: 80 * 2 ** 30 },
    ]);
  });

  test('a CPU-only libtorch, or one newer than the driver, is reported with the fix', () => {
    const [facts, device, unused, named, opened] = beside(
      1,
      `const refusal = ({ code, message }) => ({ code, message });
      return [await addon().findCuda(), await session.resolveDevice('auto'), await session.unusedGpu() ?? null,
        await session.resolveDevice('cuda').catch(refusal),
        await session.TrainingSession.open({ ...${CONFIG}, device: 'cuda:0' }).catch(refusal)];`,
    ) as [CudaFacts, string, string | null, unknown, unknown];
    const refused = (part: string) => ({
      code: 'ERR_TANGSHI_DEVICE',
      message: expect.stringContaining(part),
    });
    if (facts.problem === undefined) {
      expect([device, unused, named]).toEqual(['cuda:0', null, 'cuda:0']);
      expect(opened).toMatchObject(refused('update the driver, or use the CPU'));
    } else {
      expect(facts.problem).toContain('npm run setup -- --cuda');
      expect([device, unused]).toEqual([
        'cpu',
        expect.stringMatching(/^First is not used: .*npm run setup -- --cuda/),
      ]);
      expect(named).toMatchObject(refused('cuda:0 is not available'));
      expect(opened).toMatchObject(refused('npm run setup -- --cuda'));
    }
  });

  test('a driver without a device is reported', () => {
    expect(beside(-1, 'return addon().findCuda();')).toMatchObject({
      devices: [],
      problem: expect.stringContaining('CUDA error 100'),
    });
  });
});

test('an unavailable device is rejected, the error names it, and other sessions keep working', async () => {
  const { devices } = await addon().findCuda();
  for (const device of [`cuda:${devices.length}`, 'cuda:99', 'cuda:100000'] as const) {
    await expect(TrainingSession.open({ ...sessionConfig, device })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_DEVICE',
    });
  }
  await expect(resolveDevice('cuda:99')).rejects.toMatchObject({
    code: 'ERR_TANGSHI_DEVICE',
    message: expect.stringMatching(/cuda:99 .*npm run doctor/),
  });
  for (const device of ['gpu', 'cuda:', 'cuda:-1', 'cuda:1x'] as never[]) {
    await expect(resolveDevice(device)).rejects.toMatchObject({ code: 'ERR_TANGSHI_INVALID_ARG' });
    await expect(TrainingSession.open({ ...sessionConfig, device })).rejects.toMatchObject({
      code: 'ERR_TANGSHI_INVALID_ARG',
    });
  }
  await (await TrainingSession.open(sessionConfig)).dispose();
});
