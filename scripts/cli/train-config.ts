import { readFile } from 'node:fs/promises';
import { isPreset, type Preset, presetConfig, type RunConfig, TangshiError } from '../../lib';
import { checkConfig } from '../../lib/config/schemas';
import { diskError } from '../../lib/util/disk';
import { omitUndefined } from '../../lib/util/omit-undefined';

/** The flags of hyper-parameters, as commander returns them. */
export type ConfigFlags = Readonly<
  Partial<Omit<RunConfig, 'preset' | 'optimizer' | 'embedDim' | 'hiddenDim'>> & {
    embed?: number;
    hidden?: number;
    optimizer?: RunConfig['optimizer']['kind'];
    alpha?: number;
    beta1?: number;
    beta2?: number;
    eps?: number;
    weightDecay?: number;
  }
>;

/** Keys that a preset leaves out. */
const OPTIONAL = ['extra', 'format', 'encoding', 'keep'];

/** Those that are named as in the configuration. `keep` belongs to the run. */
const SAME_NAMES = [
  'data',
  'extra',
  'format',
  'encoding',
  'cleaning',
  'minCount',
  'heldOut',
  'titles',
  'cell',
  'layers',
  'dropout',
  'tieWeights',
  'reluLogits',
  'xavierOutput',
  'lr',
  'schedule',
  'clipNorm',
  'batching',
  'batch',
  'epochs',
  'precision',
  'seed',
  'threads',
] as const;

/** A preset and changes to it, as `train` takes them. */
export type Configuration = Readonly<{ preset?: Preset; config: Partial<Omit<RunConfig, 'preset'>> }>;

/**
 * The configuration of a training: flags take precedence over the file, which takes precedence over the preset.
 *
 * @param file Path of a JSON file, such as `config.json` of a run.
 * @param preset As given by the user.
 * @throws ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_IO
 */
export async function configurationOf(
  flags: ConfigFlags,
  file: string | undefined,
  preset: Preset | undefined,
): Promise<Configuration> {
  const { preset: fromFile, ...inFile } = file === undefined ? {} : await readConfig(file);
  const chosen = preset ?? fromFile;
  const { embed: embedDim, hidden: hiddenDim, optimizer, alpha, beta1, beta2, eps, weightDecay } = flags;
  const same = Object.fromEntries(SAME_NAMES.map((name) => [name, flags[name]]));
  const settings = omitUndefined({ alpha, beta1, beta2, eps, weightDecay });
  const ofPreset = presetConfig(chosen ?? 'default').optimizer;
  // The settings that the file leaves out are those of the preset, or the defaults.
  const base = inFile.optimizer
    ? { ...optimizerOf(inFile.optimizer.kind, ofPreset), ...inFile.optimizer }
    : ofPreset;
  const changed =
    inFile.optimizer !== undefined || optimizer !== undefined || Object.keys(settings).length > 0;
  const config = {
    ...inFile,
    ...omitUndefined({ ...same, embedDim, hiddenDim }),
    ...(changed && { optimizer: { ...optimizerOf(optimizer ?? base.kind, base), ...settings } }),
  } as Configuration['config'];
  return { preset: chosen, config };
}

/** The whole configuration, as JSON. */
export function printedConfig({ preset = 'default', config }: Configuration): string {
  return `${JSON.stringify(checkConfig({ ...presetConfig(preset), ...config }), null, 2)}\n`;
}

/** The settings of an optimizer: those of the configuration if it has this one, otherwise the defaults. */
function optimizerOf(
  kind: RunConfig['optimizer']['kind'],
  base: RunConfig['optimizer'],
): RunConfig['optimizer'] {
  if (kind === base.kind) return base;
  if (kind === 'rmsprop') return presetConfig('classic').optimizer;
  const adamw = presetConfig('default').optimizer as Extract<
    RunConfig['optimizer'],
    { kind: 'adam' | 'adamw' }
  >;
  return { ...adamw, kind, weightDecay: kind === 'adam' ? 0 : adamw.weightDecay };
}

async function readConfig(path: string): Promise<Partial<RunConfig>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw diskError('read', path, error);
  });
  let config: unknown;
  try {
    config = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw invalid(path, `is not valid JSON (${(error as Error).message})`);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw invalid(path, 'is not a JSON object');
  const { preset } = config as { preset?: unknown };
  if (preset !== undefined && !isPreset(preset))
    throw invalid(path, `has an unknown preset ${JSON.stringify(preset)}`);
  requireKnownKeys(config, path);
  return config as Partial<RunConfig>;
}

/** Without this, the error would not name the file. */
function requireKnownKeys(config: object, path: string): void {
  const known = [...Object.keys(presetConfig('default')), ...OPTIONAL];
  const unknown = Object.keys(config).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw invalid(path, `has an unknown key ${unknown}: --print-config prints the names of the keys`);
}

function invalid(path: string, problem: string): TangshiError {
  return new TangshiError('ERR_TANGSHI_INVALID_ARG', `The configuration ${path} ${problem}`, {
    option: 'config',
  });
}
