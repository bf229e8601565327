import type { Environment, RunConfig } from '../config/schemas';
import { addon } from '../native/addon';
import type { Device, Precision } from '../native/contract';

/** The environment of a run on this device. */
export function currentEnvironment(device: Device): Environment {
  const { kernels, torchVersion } = addon();
  return {
    device: device === 'cpu' ? 'cpu' : 'cuda',
    instructionSet: kernels,
    libtorch: torchVersion,
    unicode: process.versions.unicode as string,
  };
}

/** Names for notices; a version follows its name. */
const NAMES: Readonly<Record<keyof Environment, string>> = {
  device: '',
  instructionSet: '',
  libtorch: 'libtorch ',
  unicode: 'Unicode ',
};

/**
 * Changes in the environment since a run stopped, for its notices.
 *
 * @param before Absent if the checkpoint is of an older version.
 */
export function changesSince(before: Environment | undefined, now: Environment): string[] {
  if (before === undefined) return [];
  return (Object.keys(NAMES) as (keyof Environment)[])
    .filter((part) => now[part] !== before[part])
    .map(
      (part) =>
        `${NAMES[part]}${now[part]} instead of ${before[part]}: the run is no longer bit-equal to an unbroken one`,
    );
}

/** The precision of matrix products on a device: the CPU has no tf32, and computes in fp32. */
export function precisionOn(device: Device, { precision }: RunConfig): Precision {
  return device === 'cpu' && precision === 'tf32' ? 'fp32' : precision;
}
