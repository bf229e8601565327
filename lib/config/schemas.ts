import * as v from 'valibot';
import { REJECTIONS } from '../data/clean';
import { type ErrorCode, TangshiError } from '../util/errors';

const size = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
const positive = v.pipe(v.number(), v.gtValue(0), v.finite());

const Optimizer = v.variant('kind', [
  v.strictObject({ kind: v.literal('rmsprop'), alpha: share, eps: positive, weightDecay: share }),
  v.strictObject({
    kind: v.picklist(['adam', 'adamw']),
    beta1: share,
    beta2: share,
    eps: positive,
    weightDecay: share,
  }),
]);

const ConfigSchema = v.pipe(
  v.strictObject({
    /** What it was made from. */
    preset: v.picklist(['classic', 'default', 'large']),
    /** A built-in corpus, or a path. */
    data: v.pipe(v.string(), v.nonEmpty()),
    /** More of them to learn from, nothing of which is held out. */
    extra: v.optional(v.array(v.pipe(v.string(), v.nonEmpty()))),
    /** Of the file; absent: told by its content. */
    format: v.optional(v.picklist(['titled', 'lines', 'json'])),
    /** `plain`: any text, a line each. */
    cleaning: v.picklist(['classic', 'modern', 'plain']),
    /** Characters that stand fewer times are UNK. */
    minCount: size(1e6),
    /** Share of the poems kept from training. */
    heldOut: share,

    cell: v.picklist(['lstm', 'gru', 'rnn']),
    /** Numbers of a character's embedding. */
    embedDim: size(65_536),
    /** Numbers of a layer's hidden state. */
    hiddenDim: size(65_536),
    /** Of cells. */
    layers: size(64),
    /** Probability, in training, on the embedding and each layer's output. */
    dropout: share,
    /** The output layer's weight is the embedding's: needs embedDim = hiddenDim. */
    tieWeights: v.boolean(),
    /** A fault of the original program: ReLU on the logits. */
    reluLogits: v.boolean(),
    /** Initial output weights by Xavier, as the original program has them; otherwise wider. */
    xavierOutput: v.boolean(),

    /** With PyTorch's semantics and names. */
    optimizer: Optimizer,
    /** Learning rate, at its highest. */
    lr: v.pipe(positive, v.maxValue(1e6)),
    /** `cosine`: a short warm-up, then down to a twentieth at the last epoch's end. */
    schedule: v.picklist(['constant', 'cosine']),
    /** Gradients are scaled down to this 2-norm. */
    clipNorm: positive,
    /** `classicBatcher` or `bucketedBatcher`. */
    batching: v.picklist(['classic', 'bucketed']),
    /** Poems of a step. */
    batch: size(65_536),
    /** Times through the corpus. */
    epochs: size(1e6),
    /** Of a GPU's products. */
    precision: v.optional(v.picklist(['fp32', 'tf32', 'bf16', 'fp16']), 'tf32'),
    /** Of the initial weights, batches and dropout. */
    seed: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    /** CPU threads: a run is bit-equal at the same count only. */
    threads: size(1024),
  }),
  v.check(
    ({ tieWeights, embedDim, hiddenDim }) => !tieWeights || embedDim === hiddenDim,
    'tied weights need embedDim = hiddenDim',
  ),
);

/**
 * All that decides what a training does, but for the corpus itself. Stands in every checkpoint.
 *
 * @interface
 */
export type RunConfig = Readonly<v.InferOutput<typeof ConfigSchema>>;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const ProgressSchema = v.strictObject({
  /** Steps done. */
  step: count,
  /** The batch that comes next. */
  cursor: v.strictObject({ epoch: count, step: count }),
  /** Epochs whose end was handled: evaluated, sampled, compared with the best. */
  epochsEnded: count,
  /** Of the epoch in progress: sum over steps of loss. */
  epochLoss: v.number(),
  /** Of the epoch in progress. */
  epochSteps: count,
  /** Steps that were skipped because their loss or gradient was not finite. */
  skipped: v.optional(count, 0),
  /** Exponential average over about 50 steps; null before the first. */
  smoothedLoss: v.nullable(v.number()),
  /** Lowest held-out NLL at an epoch's end (training loss where nothing is held out); null before the first. */
  best: v.nullable(v.strictObject({ measure: v.number(), step: count })),
  /** Time spent training, in seconds, over all sittings. */
  seconds: v.pipe(v.number(), v.minValue(0)),
});

/**
 * How far a training has come.
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
  /** As `Dataset.name`. */
  name: v.string(),
  /** Hex SHA-256 of the rules and the cleaned poems, as `Dataset.fingerprint`. */
  fingerprint: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Of its records. */
  tally: TallySchema,
};

const CorpusSchema = v.strictObject({
  ...corpus,
  /** Where a run began with given weights: what these had learned from, the earliest first. */
  before: v.optional(v.array(v.strictObject(corpus))),
});

/**
 * Which corpus a model learned from.
 *
 * @interface
 */
export type CorpusFacts = Readonly<v.InferOutput<typeof CorpusSchema>>;

const FactsSchema = v.object({ config: ConfigSchema, corpus: CorpusSchema, progress: ProgressSchema });
type CheckpointFacts = v.InferOutput<typeof FactsSchema>;

const steps = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)));
const text = v.optional(v.string());
const flag = v.optional(v.boolean());
const signal = v.optional(v.instance(AbortSignal));

const TrainOptionsSchema = v.strictObject({
  preset: v.optional(v.picklist(['classic', 'default', 'large'])),
  config: v.optional(v.record(v.string(), v.unknown())),
  ...{ out: v.optional(v.pipe(v.string(), v.nonEmpty())), init: text, device: text },
  ...{ resume: flag, graph: flag, skipNonfinite: flag },
  minutes: v.optional(v.pipe(v.number(), v.minValue(0))),
  ...{ maxSteps: steps, saveEvery: steps, keep: steps, logEvery: steps },
  signal,
});

const PoemOptionsSchema = v.strictObject({
  ...{ prompt: text, mood: text, form: text, acrostic: text, rhymeGroup: text },
  rhyme: flag,
  tone: v.optional(v.picklist(['strict', 'loose', 'off'])),
  ...{ count: steps, bestOf: steps, maxLength: steps, beam: steps },
  seed: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  ...{ temperature: v.optional(v.number()), topP: v.optional(v.number()), topK: v.optional(v.number()) },
  repetitionPenalty: v.optional(v.number()),
  signal,
});

const OPTIONS = { train: TrainOptionsSchema, poem: PoemOptionsSchema };

/**
 * What a caller without types may have passed.
 *
 * @throws EARG that names each wrong value.
 */
export function checkOptions(kind: keyof typeof OPTIONS, options: unknown): void {
  check(OPTIONS[kind], options, 'EARG', 'The options cannot be used');
}

/** @throws EARG that names each wrong value. */
export function checkConfig(config: unknown): RunConfig {
  return check(ConfigSchema, config, 'EARG', 'The configuration cannot be used');
}

/**
 * The parts of a checkpoint that are JSON.
 *
 * @param where Names the file in errors.
 * @throws ECHECKPOINT that names each wrong value.
 */
export function checkFacts(facts: unknown, where: string): CheckpointFacts {
  return check(FactsSchema, facts, 'ECHECKPOINT', `${where} is damaged, or from another version`);
}

function check<T>(schema: v.GenericSchema<unknown, T>, value: unknown, code: ErrorCode, what: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issues = result.issues.map((issue) => explain(issue, (schema as unknown) === TrainOptionsSchema));
  throw new TangshiError(code, `${what}: ${issues.join('; ')}`);
}

function explain(issue: v.BaseIssue<unknown>, ofTraining: boolean): string {
  const path = v.getDotPath(issue) ?? 'all of it';
  if (issue.type !== 'strict_object' || issue.expected !== 'never') return `${path}: ${issue.message}`;
  // Typed by hand, it is often one of a run's.
  const inConfig = ofTraining && Object.hasOwn(ConfigSchema.pipe[0].entries, path);
  return `there is no ${path}${inConfig ? `: it is meant for config, as in config: { ${path}: … }` : ''}`;
}
