import type { Preset } from '../config/presets';
import type { RunConfig } from '../config/schemas';
import type { DeviceRequest } from '../native/device';

/** What to train, where, and when to stop. */
export type TrainOptions = Readonly<{
  /** Folder of the run. It must not contain one yet, unless `resume` is set. */
  out: string;
  /** The configuration to start from. Default: `default`. */
  preset?: Preset;
  /**
   * Changes to the preset. A resumed run accepts only `epochs` and `threads`, and other paths of the same corpus as `data`
   * and `extra`.
   */
  config?: Partial<Omit<RunConfig, 'preset'>>;
  /**
   * The poems to train on, each a string, instead of `config.data`. They are cleaned and split like the lines of a file.
   * To resume the run, pass the same texts again.
   */
  texts?: readonly string[];
  /** Continue the run in `out`. */
  resume?: boolean;
  /** A safetensors file with the initial weights of a new run. */
  init?: string;
  /** Default: `auto`, the first usable GPU, else the CPU. */
  device?: DeviceRequest;
  /** Whether to capture training steps on a GPU as CUDA graphs. Default: true. */
  graph?: boolean;
  /** Stop after this many minutes. */
  minutes?: number;
  /** Stop when the run has taken this many steps. */
  maxSteps?: number;
  /** Steps between checkpoints. Default: 100. */
  saveEvery?: number;
  /** Number of recent checkpoints to keep, in addition to the best. Default: 2, or the value of the resumed run. */
  keep?: number;
  /** Skip steps whose loss or gradient is NaN or infinite, without changing the weights, instead of failing. */
  skipNonfinite?: boolean;
  /** Highest number of steps on a GPU before their losses are read. Default: 50. */
  logEvery?: number;
  /** Abort to stop after the step in progress, with a checkpoint. */
  signal?: AbortSignal;
}>;
