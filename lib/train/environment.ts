import type { Environment } from '../config/schemas';
import { addon } from '../native/addon';
import type { Device } from '../native/contract';

/** What a run computes with on this device. */
export function currentEnvironment(device: Device): Environment {
  const { kernels, torchVersion } = addon();
  return {
    device: device === 'cpu' ? 'cpu' : 'cuda',
    instructionSet: kernels,
    libtorch: torchVersion,
    unicode: process.versions.unicode as string,
  };
}

/** Names of the parts in notices; a version stands behind its name. */
const NAMES: Readonly<Record<keyof Environment, string>> = {
  device: '',
  instructionSet: '',
  libtorch: 'libtorch ',
  unicode: 'Unicode ',
};

/**
 * What has changed since a run stopped, for its notices.
 *
 * @param before Absent if its checkpoint is of an older version.
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
