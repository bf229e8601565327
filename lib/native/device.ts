import { TangshiError } from '../util/errors';
import { commandLine } from '../util/package-root';
import { addon, hasTrainingAddon } from './addon';
import type { Device } from './contract';

/** `auto`: the first usable GPU, else the CPU; without the addon for GPUs, the CPU. `cuda`: the first GPU. */
export type DeviceRequest = 'auto' | 'cuda' | Device;

/** Whether a value is `auto`, `cpu`, `cuda` or `cuda:N`; the device may still be missing on this machine. */
export function isDeviceRequest(value: unknown): value is DeviceRequest {
  return typeof value === 'string' && /^(auto|cpu|cuda(:\d{1,2})?)$/.test(value);
}

/**
 * Resolves a request to a device of this machine.
 *
 * @throws ERR_TANGSHI_INVALID_ARG for any other name. ERR_TANGSHI_DEVICE if the GPU is missing or cannot be
 * used. ERR_TANGSHI_ADDON
 * @example
 * const device = await resolveDevice('auto'); // 'cpu' or 'cuda:0'
 */
export async function resolveDevice(request: DeviceRequest): Promise<Device> {
  if (!isDeviceRequest(request)) {
    throw new TangshiError(
      'ERR_TANGSHI_INVALID_ARG',
      `Unknown device ${JSON.stringify(request) ?? String(request)}. Choose auto, cpu, cuda or cuda:N.`,
      { option: 'device' },
    );
  }
  if (request === 'cpu' || (request === 'auto' && !hasTrainingAddon())) return 'cpu';
  const { devices, problem } = await addon().findCuda();
  if (request === 'auto') return problem === undefined ? 'cuda:0' : 'cpu';
  const device: Device = request === 'cuda' ? 'cuda:0' : request;
  if (problem === undefined && Number(device.slice('cuda:'.length)) < devices.length) return device;
  throw new TangshiError(
    'ERR_TANGSHI_DEVICE',
    `${device} is not available: ${problem ?? namesOf(devices.length)}. Use the device cpu, or run ${commandLine('doctor')} for details.`,
    { option: 'device' },
  );
}

function namesOf(count: number): string {
  return count === 1 ? 'the only GPU is cuda:0' : `the GPUs are cuda:0 to cuda:${count - 1}`;
}

/** Why `auto` does not use a GPU of this machine; undefined if it does, or there is none. */
export async function unusedGpu(): Promise<string | undefined> {
  const { devices, problem } = await addon().findCuda();
  return problem !== undefined && devices[0] ? `${devices[0].name} is not used: ${problem}` : undefined;
}
