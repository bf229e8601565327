import type { Tally } from '../data/clean';
import { type Evaluation, evaluate } from '../eval/perplexity';
import { writeCheckpoint } from '../model/checkpoint';
import { generatePoems, type Poem } from '../model/generate';
import { countParameters, modelConfig } from '../model/model';
import type { Device, Precision, StepStats } from '../native/contract';
import { linkWhole } from '../util/disk';
import { TangshiError } from '../util/errors';
import { type Run, startRun, type TrainOptions } from './open-run';
import { keepLast } from './retention';
import { learningRate } from './schedule';

/**
 * What happens in a training, in this order: a `plan`; `step`s (or `skipped` ones), with a `checkpoint` now and then; at each
 * epoch's end `epoch`, `sample` and `checkpoint`; at last `done`. Losses are in nats a target, times in seconds.
 */
export type TrainEvent =
  | Readonly<{
      type: 'plan';
      /** The run folder. */
      run: string;
      corpus: string;
      /** To learn from. */
      poems: number;
      /** Poems kept from training. */
      heldOut: number;
      /** Training targets an epoch. */
      tokens: number;
      tally: Tally;
      /** Size of the vocabulary. */
      vocab: number;
      /** Weights, a tied one counted once. */
      parameters: number;
      device: Device;
      /** Of a GPU's products. */
      precision: Precision;
      threads: number;
      epochs: number;
      stepsPerEpoch: number;
      /** Of the whole run. */
      steps: number;
      /** Of these, already done. */
      done: number;
      /** Rough time to go, from the time of one forward pass. */
      seconds: number;
      /** What is not as it was when the run stopped. */
      notices: readonly string[];
    }>
  | Readonly<{
      type: 'step';
      /** Counts from 1. */
      step: number;
      /** Counts from 1. */
      epoch: number;
      /** In nats; before the update. */
      loss: number;
      /** Exponential average over about 50 steps. */
      smoothedLoss: number;
      /** 2-norm of all gradients before clipping. */
      gradNorm: number;
      /** Learning rate. */
      lr: number;
      /** Targets of the batch. */
      tokens: number;
      tokensPerSecond: number;
    }>
  /** Its loss or gradient is not finite: it changed nothing, and the run goes on because of `skipNonfinite`. */
  | Readonly<{
      type: 'skipped';
      step: number;
      epoch: number;
      loss: number;
      gradNorm: number;
      /** Of the run, this one included. */
      skipped: number;
    }>
  | Readonly<{
      type: 'epoch';
      epoch: number;
      step: number;
      /** Mean of the epoch's losses. */
      loss: number;
      /** Of the held-out poems; absent where nothing is held out. */
      heldOut?: Evaluation;
    }>
  | Readonly<{ type: 'sample'; epoch: number; step: number; text: string; lines: readonly string[] }>
  | Readonly<{ type: 'checkpoint'; step: number; path: string; best: boolean }>
  | Readonly<{ type: 'done'; reason: StopReason; step: number; run: string; seconds: number }>;

/** Why a training came to its end: all epochs are done, `signal` was aborted, or a limit was reached. */
export type StopReason = 'finished' | 'interrupted' | 'minutes' | 'max-steps';

const SAVE_EVERY = 100;
/** Of the smoothed loss, a step: an average over about 50. */
const SMOOTHING = 0.98;
/** A run that skips this many steps in a row will not recover. */
const MOST_SKIPPED = 100;
/** The report's begin characters, one an epoch. */
const SAMPLE_BEGINNINGS = '湖日红山夜君海月';

/**
 * Trains a model and keeps a run folder (`config.json`, `metrics.jsonl`, `last.safetensors`, `best.safetensors`),
 * telling what happens. Work goes on only while events are asked for.
 *
 * A run that was stopped, at any step and in any way, goes on with `resume` from its last checkpoint as if it had never
 * stopped: on the CPU with the same threads bit for bit. To stop with a checkpoint, abort `signal` and go on iterating
 * until `done`; leaving the iteration saves nothing. An abort while the corpus is read rejects with ECANCELED.
 *
 * @throws (from the iteration) EARG, ECORPUS, EDEVICE, ERUN, ECHECKPOINT, EIO; ENONFINITE when the loss or the
 * gradient is no longer a number. EADDON
 * @example
 * for await (const event of train({ preset: 'default', out: 'runs/mine' })) {
 *   if (event.type === 'step') console.log(event.step, event.loss);
 * }
 */
export async function* train(options: TrainOptions = {}): AsyncGenerator<TrainEvent, void, void> {
  const run = await startRun(options);
  const { progress, signal } = run;
  const deadline = performance.now() + (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  const lastStep = Math.min(run.totalSteps, options.maxSteps ?? Number.POSITIVE_INFINITY);
  const saveEvery = options.saveEvery ?? SAVE_EVERY;
  let reason: StopReason | undefined;
  try {
    yield await plan(run);
    // Given weights are part of the run from the start: a resume must not begin without them.
    if (options.init !== undefined) yield await save(run);
    for (;;) {
      // An epoch's end is handled before the next step, and after a resume if a stop came in between.
      if (epochIsOver(run) && !signal?.aborted) yield* endEpoch(run);

      if (signal?.aborted) reason = 'interrupted';
      else if (progress.step >= run.totalSteps) reason = 'finished';
      else if (progress.step >= lastStep) reason = 'max-steps';
      else if (performance.now() >= deadline) reason = 'minutes';
      if (reason) break;

      yield* await steps(run, stepsAtOnce(run, lastStep, saveEvery));
      if (progress.step % saveEvery === 0 && !epochIsOver(run)) yield await save(run);
    }
    if (run.savedStep !== progress.step) yield await save(run);
    yield { type: 'done', reason, step: progress.step, run: run.folder, seconds: progress.seconds };
  } finally {
    try {
      await Promise.all([run.session.dispose(), run.metrics.close()]);
    } finally {
      run.unlock();
    }
  }
}

async function plan(run: Run): Promise<TrainEvent> {
  const { folder, config, dataset, batcher, totalSteps, device, progress, notices } = run;
  return {
    type: 'plan',
    run: folder,
    corpus: dataset.name,
    poems: dataset.train.length,
    heldOut: dataset.heldOut.length,
    tokens: dataset.tokens,
    tally: dataset.tally,
    vocab: dataset.vocab.size,
    parameters: countParameters(modelConfig(config, dataset.vocab.size)),
    device,
    precision: config.precision,
    threads: config.threads,
    epochs: config.epochs,
    stepsPerEpoch: batcher.stepsPerEpoch,
    steps: totalSteps,
    done: progress.step,
    seconds: await roughSeconds(run),
    notices,
  };
}

/** Forward and backward take about three times the forward pass alone. */
async function roughSeconds({ session, dataset, config, totalSteps, progress }: Run): Promise<number> {
  // A batch as training has them, of one length; the middle one stands for all.
  const byLength = [...dataset.train].sort((a, b) => a.length - b.length);
  const middle = Math.floor(Math.max(0, byLength.length - config.batch) / 2);
  const poems = byLength.slice(middle, middle + config.batch);
  await evaluate(session, poems); // the first is slower
  const start = performance.now();
  const { tokens } = await evaluate(session, poems);
  const secondsPerToken = ((performance.now() - start) / 1000 / tokens) * 3;
  const epochsToGo = Math.max(0, config.epochs * (1 - progress.step / totalSteps));
  return secondsPerToken * dataset.tokens * epochsToGo;
}

function isFiniteStep({ loss, gradNorm }: StepStats): boolean {
  return Number.isFinite(loss) && Number.isFinite(gradNorm);
}

function nonFinite({ loss, gradNorm }: StepStats, run: Run): TangshiError {
  const { config, files, batcher, progress, savedStep, skippedInARow } = run;
  const { epoch, step: batch } = progress.cursor;
  const checkpoint =
    savedStep === undefined ? 'there is no checkpoint' : `${files.last} has step ${savedStep}`;
  const before = skippedInARow > 0 ? `, after ${skippedInARow} skipped steps` : '';
  return new TangshiError(
    'ENONFINITE',
    `Step ${progress.step + 1} (epoch ${epoch + 1}, batch ${batch + 1} of ${batcher.stepsPerEpoch}) gave loss ${loss} ` +
      `and gradient norm ${gradNorm}${before}; ${checkpoint}: start again with a lower --lr` +
      (config.precision === 'fp16' ? ', or with --precision bf16' : ''),
  );
}

/** A GPU is asked for losses every `logEvery` steps; a stop, a save or an epoch's end comes after whole calls. */
function stepsAtOnce(
  { device, batcher, progress, logEvery }: Run,
  lastStep: number,
  saveEvery: number,
): number {
  if (device === 'cpu') return 1;
  const toSave = saveEvery - (progress.step % saveEvery);
  const toEpochsEnd = batcher.stepsPerEpoch - batcher.cursor.step;
  return Math.min(logEvery, toSave, toEpochsEnd, lastStep - progress.step);
}

/** So many batches. The weights and `progress` move together: between two calls they are a whole state. */
async function steps(run: Run, count: number): Promise<TrainEvent[]> {
  const { config, session, batcher, progress, metrics } = run;
  const plan = Array.from({ length: count }, (_, i) => {
    const { epoch } = batcher.cursor;
    const lr = learningRate(config, progress.step + i, run.totalSteps);
    return { epoch, lr, batch: batcher.next(), cursor: batcher.cursor };
  });
  const start = performance.now();
  const batches = plan.map(({ batch }) => batch);
  const done = await session.train(batches, { lr: plan.map(({ lr }) => lr), clipNorm: config.clipNorm });
  const seconds = (performance.now() - start) / 1000 / count;

  const events: TrainEvent[] = [];
  for (const [i, stats] of done.entries()) {
    if (!isFiniteStep(stats)) {
      if (!run.skipNonfinite || run.skippedInARow === MOST_SKIPPED) throw nonFinite(stats, run);
    }
    const { epoch, lr, cursor } = plan[i] as (typeof plan)[number];
    progress.step += 1;
    progress.cursor = cursor;
    progress.seconds += seconds;
    const event = isFiniteStep(stats)
      ? stepEvent(run, stats, { epoch: epoch + 1, lr, tokensPerSecond: stats.tokens / seconds })
      : skippedEvent(run, stats, epoch + 1);
    await metrics.write(event);
    events.push(event);
  }
  return events;
}

function stepEvent(
  run: Run,
  { loss, gradNorm, tokens }: StepStats,
  facts: Readonly<{ epoch: number; lr: number; tokensPerSecond: number }>,
): TrainEvent {
  const { progress } = run;
  const before = progress.smoothedLoss ?? loss;
  const smoothedLoss = SMOOTHING * before + (1 - SMOOTHING) * loss;
  progress.epochLoss += loss;
  progress.epochSteps += 1;
  progress.smoothedLoss = smoothedLoss;
  run.skippedInARow = 0;
  return { type: 'step', step: progress.step, loss, smoothedLoss, gradNorm, tokens, ...facts };
}

function skippedEvent(run: Run, { loss, gradNorm }: StepStats, epoch: number): TrainEvent {
  const { progress } = run;
  progress.skipped += 1;
  run.skippedInARow += 1;
  return { type: 'skipped', step: progress.step, epoch, loss, gradNorm, skipped: progress.skipped };
}

function epochIsOver({ batcher, progress }: Run): boolean {
  return batcher.cursor.epoch > progress.epochsEnded;
}

/** Evaluates, samples and saves. When an abort comes in between, nothing is changed. */
async function* endEpoch(run: Run): AsyncGenerator<TrainEvent, void, void> {
  const { session, dataset, progress, signal, metrics } = run;
  const epoch = progress.epochsEnded + 1;
  const { step } = progress;
  const loss = progress.epochLoss / Math.max(1, progress.epochSteps); // all of them may have been skipped
  let heldOut: Evaluation | undefined;
  let sample: TrainEvent;
  try {
    if (dataset.heldOut.length > 0) heldOut = await evaluate(session, dataset.heldOut, signal);
    sample = await sampleEvent(run, epoch);
  } catch (error) {
    if (error instanceof TangshiError && error.code === 'ECANCELED') return;
    throw error;
  }
  const event = { type: 'epoch', epoch, step, loss, heldOut } as const;
  await metrics.write(event);
  await metrics.write(sample);
  yield event;
  yield sample;

  const measure = heldOut?.nll ?? loss;
  const best = progress.best === null || measure < progress.best.measure;
  if (best) progress.best = { measure, step };
  progress.epochsEnded = epoch;
  progress.epochLoss = 0;
  progress.epochSteps = 0;
  // Written once: the best is the last under another name. A kill in between makes the epoch end again.
  yield await save(run, best ? run.files.best : run.files.last);
  if (best) yield await keepAsLast(run);
}

async function sampleEvent({ session, dataset, config, progress, signal }: Run, epoch: number) {
  const { vocab } = dataset;
  const known = [...SAMPLE_BEGINNINGS].filter((char) => vocab.has(char));
  const prompt = known[(epoch - 1) % Math.max(1, known.length)] ?? '';
  const options = { prompt, seed: config.seed, signal };
  const [{ text, lines }] = (await generatePoems({ session, vocab }, options)) as [Poem];
  return { type: 'sample', epoch, step: progress.step, text, lines } as const;
}

async function save(run: Run, path = run.files.last): Promise<TrainEvent> {
  const { config, dataset, progress, files, metrics, session } = run;
  const { vocab, name, fingerprint, tally, lines } = dataset;
  const tensors = await session.snapshot();
  await metrics.sync();
  if (path === files.last) await keepLast(run.folder, run.savedStep, run.keep);
  const corpus = { name, fingerprint, tally, ...(run.before && { before: run.before }) };
  await writeCheckpoint(path, { config, vocab, corpus, progress, lines, tensors });
  if (path === files.last) run.savedStep = progress.step;
  return { type: 'checkpoint', step: progress.step, path, best: path === files.best };
}

async function keepAsLast(run: Run): Promise<TrainEvent> {
  const { files, progress } = run;
  await keepLast(run.folder, run.savedStep, run.keep);
  await linkWhole(files.best, files.last);
  run.savedStep = progress.step;
  return { type: 'checkpoint', step: progress.step, path: files.last, best: false };
}
