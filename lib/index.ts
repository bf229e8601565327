/**
 * Tang poems by a small recurrent network over libtorch.
 *
 * Native work is done on a thread of its own and never keeps the event loop waiting. Every error is a `TangshiError` with a
 * `code`.
 *
 * @packageDocumentation
 * @example
 * import { generatePoems, loadModel } from 'tangshi';
 * const model = await loadModel('runs/mine');
 * const [poem] = await generatePoems(model, { prompt: '湖' });
 * console.log(poem.lines.join('\n'));
 * await model.dispose();
 */

export { type Preset, presetConfig } from './config/presets';
export type { CorpusFacts, Progress, RunConfig } from './config/schemas';
export {
  type Batcher,
  bucketedBatcher,
  type Cursor,
  classicBatcher,
  evaluationBatches,
} from './data/batcher';
export { type BuiltinOptions, builtinCorpus } from './data/builtin-corpora';
export { Cleaner, type CleaningRules, type Rejection, type Tally } from './data/clean';
export { type CorpusFormat, type CorpusRecord, type ReadOptions, readCorpus } from './data/corpus';
export { BUILTIN, type Builtin } from './data/corpus-recipes';
export { type Dataset, type DatasetOptions, loadDataset } from './data/dataset';
export { LineSet } from './data/line-filter';
export { Vocab, type VocabJson } from './data/vocab';
export { type FormMeasures, type MeasuredForm, type Measures, measureForms } from './eval/measures';
export { type Evaluation, evaluate } from './eval/perplexity';
export {
  type Checkpoint,
  readCheckpoint,
  readWeights,
  writeCheckpoint,
  writeModel,
} from './model/checkpoint';
export {
  classicPoem,
  generatePoems,
  type Poem,
  type PoemOptions,
  streamPoem,
  type Writer,
} from './model/generate';
export { IN_THE_BOX, loadModel, type Model } from './model/model';
export type * from './native/contract';
export { type DeviceRequest, resolveDevice, Session } from './native/session';
export type { TrainOptions } from './train/open-run';
export { type StopReason, type TrainEvent, train } from './train/train';
export { type ErrorCode, TangshiError } from './util/errors';
export { annotate, type JudgedLine, judge, type Verdict } from './verse/check';
export type { FormName, FormOptions, ToneRule } from './verse/forms';
export { Prosody, type Reading, RHYME_GROUPS, type RhymeGroup } from './verse/readings';
