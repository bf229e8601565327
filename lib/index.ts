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

export { BUILTIN, type Builtin } from './anthology';
export { type Batcher, bucketedBatcher, type Cursor, classicBatcher, evaluationBatches } from './batcher';
export { type BuiltinOptions, builtinCorpus } from './builtin';
export { type Checkpoint, readCheckpoint, readWeights, writeCheckpoint, writeModel } from './checkpoint';
export { Cleaner, type CleaningRules, type Rejection, type Tally } from './clean';
export type { CorpusFacts, Progress, RunConfig } from './config';
export { type CorpusFormat, type CorpusRecord, type ReadOptions, readCorpus } from './corpus';
export { type Dataset, type DatasetOptions, loadDataset } from './dataset';
export { type ErrorCode, TangshiError } from './errors';
export { type Evaluation, evaluate } from './evaluate';
export type { FormName, FormOptions, ToneRule } from './form';
export { annotate, type JudgedLine, judge, type Verdict } from './judge';
export { LineSet } from './lines';
export { type FormMeasures, type MeasuredForm, type Measures, measureForms } from './measures';
export { IN_THE_BOX, loadModel, type Model } from './model';
export type * from './native';
export { classicPoem, generatePoems, type Poem, type PoemOptions, streamPoem, type Writer } from './poem';
export { type Preset, presetConfig } from './presets';
export { Prosody, type Reading, RHYME_GROUPS, type RhymeGroup } from './prosody';
export { type DeviceRequest, resolveDevice, Session } from './session';
export type { TrainOptions } from './start';
export { type StopReason, type TrainEvent, train } from './train';
export { Vocab, type VocabJson } from './vocab';
