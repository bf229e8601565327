import { type Preface, wholePreface } from '../data/preface';
import { type Evaluation, evaluateSession } from '../eval/perplexity';
import { writeCheckpoint } from '../model/checkpoint';
import { DraftQueue } from '../model/draft-queue';
import { generatePoems } from '../model/generate';
import { countParameters, modelConfig } from '../model/network';
import type { Poem } from '../model/poem-options';
import { prepareRequest } from '../model/poem-request';
import type { StepStats } from '../native/contract';
import { linkWhole } from '../util/disk';
import { AbortError, TangshiError } from '../util/errors';
import { omitUndefined } from '../util/omit-undefined';
import { precisionOn } from './environment';
import { openRun, type Run } from './open-run';
import { keepLast } from './retention';
import { learningRate } from './schedule';
import type { StopReason, TrainEvent } from './train-events';
import type { TrainOptions } from './train-options';

const SAVE_EVERY = 100;
/** Weight of the past in the smoothed loss: an average over about 50 steps. */
const SMOOTHING = 0.98;
/** A run that skips more consecutive steps will not recover. */
const MAX_SKIPPED_IN_A_ROW = 100;
/** Prompts of the samples, one per epoch, cyclically. */
const SAMPLE_PROMPTS = '湖日红山夜君海月';

/**
 * Trains a model and writes a run folder (`config.json`, `metrics.jsonl`, `last.safetensors`, `best.safetensors`),
 * yielding events. Training advances only while events are requested.
 *
 * A run that was stopped, at any step and in any way, continues with `resume` from its last checkpoint as if it had
 * never stopped: on the CPU bitwise identically, given the same instruction set and libtorch, with any number of
 * threads. The plan's `notices` list differences. To stop with a checkpoint, abort `signal` and keep iterating until `done`;
 * breaking out of the loop saves nothing. An abort before that, while the run is being opened, rejects with an
 * AbortError and writes nothing.
 *
 * @throws (from the iteration) ERR_TANGSHI_INVALID_ARG, ERR_TANGSHI_CORPUS, ERR_TANGSHI_DEVICE, ERR_TANGSHI_RUN,
 * ERR_TANGSHI_CHECKPOINT, ERR_TANGSHI_IO, ERR_TANGSHI_ADDON; ERR_TANGSHI_NON_FINITE if a loss or gradient is NaN or
 * infinite; AbortError
 * @example
 * for await (const event of train({ preset: 'default', out: 'runs/mine' })) {
 *   if (event.type === 'step') console.log(event.step, event.loss);
 * }
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, void, void> {
  const run = await openRun(options);
  const { progress, signal } = run;
  const deadline = performance.now() + (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  const lastStep = Math.min(run.totalSteps, options.maxSteps ?? Number.POSITIVE_INFINITY);
  const saveEvery = options.saveEvery ?? SAVE_EVERY;
  let reason: StopReason | undefined;
  try {
    yield await plan(run);
    // Save given weights at once: otherwise a resume before the first checkpoint would start without them.
    if (options.init !== undefined) yield await save(run);
    for (;;) {
      // Complete the epoch before the next step, also after a resume if the run stopped in between.
      if (epochIsOver(run) && !signal?.aborted) yield* endEpoch(run);

      if (signal?.aborted) reason = 'interrupted';
      else if (progress.step >= run.totalSteps) reason = 'finished';
      else if (progress.step >= lastStep) reason = 'max-steps';
      else if (performance.now() >= deadline) reason = 'minutes';
      if (reason) break;

      yield* await steps(run, stepsAtOnce(run, lastStep, saveEvery));
      if (progress.step % saveEvery === 0 && !epochIsOver(run)) yield await save(run);
    }
    if (reason === 'minutes' || reason === 'max-steps') yield* evaluateAtLimit(run);
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
    precision: precisionOn(device, config),
    threads: config.threads,
    epochs: config.epochs,
    stepsPerEpoch: batcher.stepsPerEpoch,
    steps: totalSteps,
    done: progress.step,
    seconds: await roughSeconds(run),
    notices,
  };
}

/** A training step takes about three times as long as a forward pass. */
async function roughSeconds({ session, dataset, config, totalSteps, progress }: Run): Promise<number> {
  // A batch of poems of median length.
  const { train, trainPrefaces } = dataset;
  const lengthOf = (index: number) => (train[index] as Int32Array).length;
  const byLength = [...train.keys()].sort((a, b) => lengthOf(a) - lengthOf(b));
  const middle = Math.floor(Math.max(0, train.length - config.batch) / 2);
  const chosen = byLength.slice(middle, middle + config.batch);
  const poems = chosen.map((index) => train[index] as Int32Array);
  const prefaces = trainPrefaces && chosen.map((index) => wholePreface(trainPrefaces[index] as Preface));
  await evaluateSession(session, poems, { prefaces }); // warm-up
  const start = performance.now();
  const { tokens } = await evaluateSession(session, poems, { prefaces });
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
    savedStep === undefined ? 'There is no checkpoint' : `${files.last} has step ${savedStep}`;
  const before = skippedInARow > 0 ? `, after ${skippedInARow} skipped steps` : '';
  return new TangshiError(
    'ERR_TANGSHI_NON_FINITE',
    `Step ${progress.step + 1} (epoch ${epoch + 1}, batch ${batch + 1} of ${batcher.stepsPerEpoch}) gave loss ${loss} ` +
      `and gradient norm ${gradNorm}${before}. ${checkpoint}. Start again with a lower lr` +
      (config.precision === 'fp16' ? ', or with precision bf16.' : '.'),
    { option: 'lr' },
  );
}

/**
 * Number of steps in the next call. On a GPU, losses are read once per call; a save or the end of an epoch ends a call.
 */
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

/** Takes `count` steps. Weights and `progress` change together, so they are consistent between calls. */
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
      if (!run.skipNonfinite || run.skippedInARow === MAX_SKIPPED_IN_A_ROW) throw nonFinite(stats, run);
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

/** Evaluates, samples and saves. An abort in between leaves everything unchanged. */
async function* endEpoch(run: Run): AsyncGenerator<TrainEvent, void, void> {
  const { session, dataset, progress, signal, metrics } = run;
  const epoch = progress.epochsEnded + 1;
  const { step } = progress;
  const loss = progress.epochLoss / Math.max(1, progress.epochSteps); // all steps may have been skipped
  let heldOut: Evaluation | undefined;
  let heldOutWithTitles: Evaluation | undefined;
  let sample: TrainEvent;
  try {
    if (dataset.heldOut.length > 0) {
      heldOut = await evaluateSession(session, dataset.heldOut, { signal });
      heldOutWithTitles = await evaluateWithTitles(run);
    }
    sample = await sampleEvent(run, epoch);
  } catch (error) {
    if (error instanceof AbortError) return;
    throw error;
  }
  const event = omitUndefined({ type: 'epoch', epoch, step, loss, heldOut, heldOutWithTitles } as const);
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
  // Progress is that of an unbroken run; the file may already have a better model, from an evaluation at a limit.
  const replacesBest = best && measure < metrics.lowestAtLimit;
  // Written once: `last` becomes a link to the best. After a kill in between, the end of the epoch is repeated.
  yield await save(run, replacesBest ? run.files.best : run.files.last);
  if (replacesBest) yield await keepAsLast(run);
}

async function evaluateWithTitles({ session, dataset, signal }: Run): Promise<Evaluation | undefined> {
  const prefaces = dataset.heldOutPrefaces?.map(wholePreface);
  return prefaces && evaluateSession(session, dataset.heldOut, { signal, prefaces });
}

/**
 * Evaluates in the middle of an epoch, so that `best` is up to date. Leaves the progress unchanged: a resumed run
 * continues as if it had not stopped here.
 */
async function* evaluateAtLimit(run: Run): AsyncGenerator<TrainEvent, void, void> {
  const { session, dataset, progress, signal, metrics, files } = run;
  if (dataset.heldOut.length === 0 || progress.cursor.step === 0) return;
  let heldOut: Evaluation;
  try {
    heldOut = await evaluateSession(session, dataset.heldOut, { signal });
  } catch (error) {
    if (error instanceof AbortError) return;
    throw error;
  }
  const event = { type: 'evaluation', step: progress.step, heldOut } as const;
  await metrics.write(event);
  yield event;
  const lowest = Math.min(progress.best?.measure ?? Number.POSITIVE_INFINITY, metrics.lowestAtLimit);
  if (heldOut.nll >= lowest) return;
  yield await save(run, files.best);
  yield await keepAsLast(run);
}

async function sampleEvent({ session, dataset, config, progress, signal }: Run, epoch: number) {
  const { vocab } = dataset;
  const known = [...SAMPLE_PROMPTS].filter((char) => vocab.has(char));
  const prompt = known[(epoch - 1) % Math.max(1, known.length)] ?? '';
  const request = prepareRequest({ vocab, config }, { prompt, seed: config.seed });
  const queue = new DraftQueue((...call) => session.generate(...call));
  const [poem] = await generatePoems(queue, request, 1, { signal });
  const { text, lines } = poem as Poem;
  return { type: 'sample', epoch, step: progress.step, text, lines } as const;
}

async function save(run: Run, path = run.files.last): Promise<TrainEvent> {
  const { config, dataset, progress, environment, files, metrics, session } = run;
  const { vocab, name, fingerprint, tally, lineFilter } = dataset;
  const tensors = await session.snapshot();
  await metrics.sync();
  if (path === files.last) await keepLast(run.folder, run.savedStep, run.keep);
  const corpus = { name, fingerprint, tally, before: run.before };
  await writeCheckpoint(path, { config, vocab, corpus, progress, environment, lineFilter, tensors });
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
