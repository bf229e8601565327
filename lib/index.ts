/**
 * Generates Tang poems with a small recurrent network on libtorch, and trains such networks.
 *
 * Native work runs on its own thread and never blocks the event loop. Errors are `TangshiError`s with a `code`, and
 * `AbortError`s where a `signal` was aborted.
 *
 * @packageDocumentation
 * @example
 * import { Model } from 'tangshi';
 *
 * const model = await Model.load();
 * const { lines } = await model.generate({ prompt: '湖' });
 * console.log(lines.join('\n'));
 * await model.dispose();
 */

export { isPreset, type Preset, presetConfig } from './config/presets';
export type { CorpusFacts, Environment, Progress, RunConfig } from './config/schemas';
export {
  type Batcher,
  bucketedBatcher,
  type Cursor,
  classicBatcher,
  evaluationBatches,
} from './data/batcher';
export { builtinCorpusPath, type CorpusCacheOptions } from './data/builtin-corpora';
export { Cleaner, type CleaningRules, type Rejection, type Tally } from './data/clean';
export { type CorpusRecord, type ReadOptions, readCorpus } from './data/corpus';
export type { CorpusFormat } from './data/corpus-format';
export { BUILTIN_CORPORA, type BuiltinCorpus, isBuiltinCorpus } from './data/corpus-recipes';
export { type Dataset, type DatasetOptions, loadDataset } from './data/dataset';
export type { Encoding } from './data/encoding';
export type { Genre } from './data/genre';
export { LineFilter } from './data/line-filter';
export { type Heading, loadPoems, type Poems, type PoemsOptions } from './data/poems';
export { type Preface, wholePreface } from './data/preface';
export { type Control, Vocab, type VocabJson } from './data/vocab';
export {
  type FormMetrics,
  type FormMetricsOptions,
  measureForms,
  type PoemMetrics,
  type RegulatedForm,
} from './eval/form-metrics';
export { type Evaluation, type EvaluationOptions, evaluate } from './eval/perplexity';
export { readCheckpoint, readWeights, writeCheckpoint, writeModel } from './model/checkpoint';
export { type Checkpoint, weightsOf } from './model/checkpoint-format';
export { classicPoem } from './model/classic';
export type { NextOptions, ScoreOptions } from './model/language-model';
export type { ModelSource } from './model/load';
export { type LoadOptions, Model } from './model/model';
export { BUNDLED_MODEL } from './model/model-files';
export { modelConfig } from './model/network';
export type { Poem, PoemOptions, StreamOptions } from './model/poem-options';
export type { NextCharacter, Score, ScoredCharacter } from './model/score';
export type * from './native/contract';
export { type DeviceRequest, isDeviceRequest, resolveDevice } from './native/device';
export { InferenceSession } from './native/inference-session';
export type { CallOptions, GenerateCallOptions } from './native/job';
export { TrainingSession } from './native/training-session';
export { train } from './train/train';
export type { StopReason, TrainEvent } from './train/train-events';
export type { TrainOptions } from './train/train-options';
export { AbortError, type ErrorCode, TangshiError, type TangshiErrorOptions } from './util/errors';
export { type CheckOptions, checkPoem } from './verse/check/check';
export type { CheckedLine, Fault, FaultTerm, Place, PoemCheck, Remark } from './verse/check/findings';
export { type FormOptions, isFormName, isToneRule, type ToneRule } from './verse/form-options';
export { FORM_NAMES } from './verse/form-patterns';
export { formatCheck, formatFault, type TextLanguage } from './verse/format-check';
export { COMMON } from './verse/reading-share';
export {
  isRhymeBook,
  type Reading,
  RHYME_BOOKS,
  type RhymeBook,
  type RhymeBookName,
  rhymeBook,
} from './verse/rhyme-book';
export type { Tone } from './verse/tone';
