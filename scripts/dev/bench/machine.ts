import { availableParallelism, cpus, loadavg } from 'node:os';
import { addon } from '../../../lib/native/addon';

export type Machine = Readonly<{
  cpu: string;
  cores: number;
  /** Load average over the last minute, before the measurements. */
  load: number;
  versions: Readonly<Record<string, string>>;
}>;

export function describeMachine(peers: Readonly<Record<string, string>>): Machine {
  const versions = { Node: process.versions.node, libtorch: addon().torchVersion, ...peers };
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    load: loadavg()[0] as number,
    versions,
  };
}
