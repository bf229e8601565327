import * as v from 'valibot';
import { CLEANING_RULES, REJECTIONS } from '../data/clean';
import { CORPUS_FORMATS } from '../data/corpus-format';
import { ENCODINGS } from '../data/encoding';
import { type ErrorCode, TangshiError } from '../util/errors';

/** The names of the presets. */
export const PRESET_NAMES = ['classic', 'default', 'large'] as const;

/** A number that passes a test; `expected` describes the test in errors. */
const numberThat = (test: (value: number) => boolean, expected: string) =>
  v.custom<number>((value) => typeof value === 'number' && test(value), expected);
const integer = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  numberThat(
    (value) => Number.isSafeInteger(value) && value >= min && value <= max,
    max === Number.MAX_SAFE_INTEGER ? `an integer >= ${min}` : `an integer from ${min} to ${max}`,
  );
const from = (min: number, max: number) =>
  numberThat((value) => value >= min && value <= max, `a number from ${min} to ${max}`);

const size = (max: number) => integer(1, max);
const fraction = numberThat((value) => value >= 0 && value < 1, 'a number >= 0 and < 1');
const positive = numberThat((value) => value > 0 && value < Number.POSITIVE_INFINITY, 'a number > 0');
const notNegative = numberThat((value) => value >= 0, 'a number >= 0');
const count = integer(0);
const seed = count;
const name = v.pipe(v.string(), v.nonEmpty());

const Optimizer = v.variant('kind', [
  v.strictObject({ kind: v.literal('rmsprop'), alpha: fraction, eps: positive, weightDecay: fraction }),
  v.strictObject({
    kind: v.picklist(['adam', 'adamw']),
    beta1: fraction,
    beta2: fraction,
    eps: positive,
    weightDecay: fraction,
  }),
]);

const ConfigSchema = v.pipe(
  v.strictObject({
    /** The preset that the configuration is based on. */
    preset: v.picklist(PRESET_NAMES),
    /** Name of a built-in corpus, path of a file, or `texts` for poems given to `train`. */
    data: name,
    /** More corpora to train on, by name or path; none of their poems is held out. */
    extra: v.optional(v.array(name)),
    /** Format of the files. Default: detected. */
    format: v.optional(v.picklist(CORPUS_FORMATS)),
    /** Encoding of the files. Default: UTF-8, or UTF-16 if they begin with a byte order mark. */
    encoding: v.optional(v.picklist(ENCODINGS)),
    /** How records become poems. `plain`: any text, one per line. */
    cleaning: v.picklist(CLEANING_RULES),
    /** Characters that occur fewer times become UNK. */
    minCount: size(1e6),
    /** Fraction of the poems to hold out from training. */
    heldOut: fraction,
    /** Whether to learn titles and genres, too, so that poems can be asked for by them. Only under `modern`. */
    titles: v.optional(v.boolean(), false),

    /** Type of the recurrent layers. */
    cell: v.picklist(['lstm', 'gru', 'rnn']),
    /** Size of a character's embedding. */
    embedDim: size(65_536),
    /** Size of a layer's hidden state. */
    hiddenDim: size(65_536),
    /** Number of recurrent layers. */
    layers: size(64),
    /** Dropout probability on the embedding and on each layer's output, in training. */
    dropout: fraction,
    /** Whether the output layer shares its weight with the embedding; requires embedDim = hiddenDim. */
    tieWeights: v.boolean(),
    /** Whether to apply ReLU to the logits: a mistake of the original program. */
    reluLogits: v.boolean(),
    /** Whether initial output weights are Xavier-uniform, as in the original program; otherwise they are larger. */
    xavierOutput: v.boolean(),

    /** The optimizer, with PyTorch's semantics and names. */
    optimizer: Optimizer,
    /** Highest learning rate. */
    lr: numberThat((value) => value > 0 && value <= 1e6, 'a number > 0 and <= 1000000'),
    /** `cosine`: a short warm-up, then decay to 5% of `lr` at the end of the last epoch. */
    schedule: v.picklist(['constant', 'cosine']),
    /** Gradients are scaled down to this 2-norm. */
    clipNorm: positive,
    /** `classicBatcher` or `bucketedBatcher`. */
    batching: v.picklist(['classic', 'bucketed']),
    /** Poems per training step. */
    batch: size(65_536),
    /** Number of passes over the corpus. */
    epochs: size(1e6),
    /** Precision of matrix products: `tf32` is for a GPU, and computes in fp32 on the CPU. */
    precision: v.optional(v.picklist(['fp32', 'tf32', 'bf16', 'fp16']), 'tf32'),
    /** Number of recent checkpoints to keep, in addition to the best. Default: 2. */
    keep: v.optional(size(1e6)),
    /** Seed of initial weights, batches and dropout. */
    seed,
    /** Number of CPU threads. Results do not depend on it. */
    threads: size(1024),
  }),
  v.check(
    ({ tieWeights, embedDim, hiddenDim }) => !tieWeights || embedDim === hiddenDim,
    'tieWeights requires embedDim = hiddenDim',
  ),
);

/**
 * Everything that determines a training run, except for the corpus itself. Part of every checkpoint.
 *
 * @interface
 */
export type RunConfig = Readonly<v.InferOutput<typeof ConfigSchema>>;

const ProgressSchema = v.strictObject({
  /** Number of steps taken. */
  step: count,
  /** Position of the next batch. */
  cursor: v.strictObject({ epoch: count, step: count }),
  /** Number of completed epochs: evaluated, sampled and compared with the best. */
  epochsEnded: count,
  /** Sum of the losses of the epoch in progress. */
  epochLoss: v.number(),
  /** Number of steps of the epoch in progress. */
  epochSteps: count,
  /** Number of steps skipped because their loss or gradient was NaN or infinite. */
  skipped: v.optional(count, 0),
  /** Exponential average of the loss over about 50 steps; null before the first step. */
  smoothedLoss: v.nullable(v.number()),
  /** Lowest held-out NLL at the end of an epoch (training loss if nothing is held out); null before the first. */
  best: v.nullable(v.strictObject({ measure: v.number(), step: count })),
  /** Training time in seconds, over all sessions of the run. */
  seconds: notNegative,
});

/**
 * Progress of a training run.
 *
 * @interface
 */
export type Progress = v.InferOutput<typeof ProgressSchema>;

const TallySchema = v.strictObject({
  read: count,
  kept: count,
  rejected: v.record(v.picklist(REJECTIONS), count),
});

const corpus = {
  /** Same as `Dataset.name`. */
  name: v.string(),
  /** Hex SHA-256 of the cleaning rules and the cleaned poems, same as `Dataset.fingerprint`. */
  fingerprint: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Counts of its records. */
  tally: TallySchema,
};

const CorpusSchema = v.strictObject({
  ...corpus,
  /** The corpora that the initial weights were trained on, earliest first, if the run started from given weights. */
  before: v.optional(v.array(v.strictObject(corpus))),
});

/**
 * The corpus that a model was trained on.
 *
 * @interface
 */
export type CorpusFacts = Readonly<v.InferOutput<typeof CorpusSchema>>;

const EnvironmentSchema = v.strictObject({
  /** Device of the training steps: `cpu` or `cuda`. */
  device: v.picklist(['cpu', 'cuda']),
  /** Vector instructions of the CPU kernels, such as `avx512`: results differ between levels by rounding. */
  instructionSet: v.string(),
  /** Version of libtorch. */
  libtorch: v.string(),
  /** Version of Node's Unicode tables, which cleaning depends on. */
  unicode: v.string(),
});

/**
 * The environment of a run, as far as it affects results bitwise.
 *
 * @interface
 */
export type Environment = Readonly<v.InferOutput<typeof EnvironmentSchema>>;

const FactsSchema = v.object({
  config: ConfigSchema,
  corpus: CorpusSchema,
  progress: ProgressSchema,
  environment: v.optional(EnvironmentSchema),
});
type CheckpointFacts = v.InferOutput<typeof FactsSchema>;

const positiveInteger = v.optional(integer(1));
const upToThousand = v.optional(size(1000));
const text = v.optional(v.string());
const flag = v.optional(v.boolean());
const signal = v.optional(v.instance(AbortSignal));

const TrainOptionsSchema = v.strictObject({
  preset: v.optional(v.picklist(PRESET_NAMES)),
  config: v.optional(v.record(v.string(), v.unknown())),
  texts: v.optional(v.array(v.string())),
  out: name,
  resume: flag,
  init: text,
  device: text,
  graph: flag,
  minutes: v.optional(notNegative),
  maxSteps: positiveInteger,
  saveEvery: positiveInteger,
  keep: positiveInteger,
  logEvery: positiveInteger,
  skipNonfinite: flag,
  signal,
});

const streamOptions = {
  form: text,
  pattern: text,
  lines: positiveInteger,
  acrostic: text,
  rhyme: flag,
  tone: v.optional(v.picklist(['strict', 'loose', 'off'])),
  rhymeGroup: text,
  rhymeBook: text,
  prompt: text,
  title: text,
  theme: text,
  context: text,
  maxLength: v.optional(size(1_000_000)),
  temperature: v.optional(from(0, 1e6)),
  topK: v.optional(integer(0, 2 ** 30)),
  topP: v.optional(from(0, 1)),
  repetitionPenalty: v.optional(from(0, 100)),
  beam: upToThousand,
  seed: v.optional(seed),
  signal,
};

const SCHEMAS = {
  train: TrainOptionsSchema,
  load: v.strictObject({ device: text, threads: v.optional(size(1024)), signal }),
  generate: v.strictObject({
    ...streamOptions,
    bestOf: upToThousand,
    script: v.optional(v.picklist(['simplified', 'traditional'])),
  }),
  writeModel: v.strictObject({ bits: v.optional(v.picklist([8, 16])) }),
  check: v.strictObject({ form: text, pattern: text, rhymeBook: text, strict: flag }),
  stream: v.strictObject(streamOptions),
  call: v.strictObject({ signal }),
  score: v.strictObject({ title: text, signal }),
  evaluate: v.strictObject({ prefaces: v.optional(v.array(v.instance(Int32Array))), signal }),
  measureForms: v.strictObject({ count: size(100_000), seed, signal }),
  next: v.strictObject({ top: positiveInteger, signal }),
};

/**
 * Validates the options of a function, since callers may not use TypeScript.
 *
 * @throws ERR_TANGSHI_INVALID_ARG that names each wrong value.
 */
export function checkOptions(kind: keyof typeof SCHEMAS, options: unknown): void {
  check<object>(SCHEMAS[kind], options, 'ERR_TANGSHI_INVALID_ARG', 'Invalid options');
}

/** @throws ERR_TANGSHI_INVALID_ARG that names each wrong value. */
export function checkConfig(config: unknown): RunConfig {
  return check(ConfigSchema, config, 'ERR_TANGSHI_INVALID_ARG', 'Invalid configuration');
}

/**
 * Validates the JSON parts of a checkpoint.
 *
 * @param where Names the file in errors; absent for a checkpoint to be written.
 * @throws ERR_TANGSHI_CHECKPOINT that names each wrong value; without a file, ERR_TANGSHI_INVALID_ARG.
 */
export function checkFacts(facts: unknown, where?: string): CheckpointFacts {
  return where === undefined
    ? check(FactsSchema, facts, 'ERR_TANGSHI_INVALID_ARG', 'Invalid checkpoint')
    : check(FactsSchema, facts, 'ERR_TANGSHI_CHECKPOINT', `${where} is damaged, or from another version`);
}

function check<T>(schema: v.GenericSchema<unknown, T>, value: unknown, code: ErrorCode, what: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const forTraining = (schema as unknown) === TrainOptionsSchema;
  const issues = result.issues.map((issue) => explain(issue, forTraining));
  const option = optionOf(v.getDotPath(result.issues[0]));
  throw new TangshiError(code, `${what}: ${issues.join('; ')}`, { option });
}

/** The name of an option from a path such as `config.lr` or `texts.0`. */
function optionOf(path: string | null): string | undefined {
  return path?.split('.').findLast((part) => !/^\d+$/.test(part));
}

function explain(issue: v.BaseIssue<unknown>, forTraining: boolean): string {
  const path = v.getDotPath(issue);
  if (issue.type === 'check') return issue.message;
  if (path !== null && issue.type === 'strict_object' && issue.expected === 'never') {
    const inConfig = forTraining && Object.hasOwn(ConfigSchema.pipe[0].entries, path);
    return `unknown option ${path}${inConfig ? `, which belongs in config: { ${path}: … }` : ''}`;
  }
  if (path !== null && issue.received === 'undefined') return `${path} is required`;
  return `expected ${expectation(issue)}${path === null ? '' : ` for ${path}`} but received ${received(issue)}`;
}

/** Messages by the type of the schema. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  '!0': 'a string that is not empty',
  number: 'a number',
  boolean: 'a boolean',
  Array: 'an array',
  Object: 'an object',
  AbortSignal: 'an AbortSignal',
};

function expectation({ type, expected, message }: v.BaseIssue<unknown>): string {
  if (type === 'custom') return message; // of a number
  const names = expected?.match(/"[^"]*"/g);
  return names ? `one of ${names.join(', ')}` : (KINDS[expected ?? ''] ?? message);
}

/** valibot reports an empty string as its length. */
function received({ type, input, received }: v.BaseIssue<unknown>): string {
  return type === 'non_empty' ? JSON.stringify(input) : received;
}
