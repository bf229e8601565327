/**
 * Generates Tang poems in a browser: the same poems as in Node, computed in a worker by WebAssembly.
 *
 * @packageDocumentation
 * @example
 * import { Model } from 'tangshi/browser';
 *
 * const model = await Model.load();
 * const { lines } = await model.generate({ prompt: '湖' });
 * document.body.append(lines.join('\n'));
 */

export type { NextOptions } from '../model/language-model';
export type { Poem, PoemOptions, StreamOptions } from '../model/poem-options';
export type { NextCharacter, Score, ScoredCharacter } from '../model/score';
export { AbortError, type ErrorCode, TangshiError, type TangshiErrorOptions } from '../util/errors';
export { type CheckOptions, checkPoem } from '../verse/check/check';
export type { CheckedLine, Fault, FaultTerm, Place, PoemCheck, Remark } from '../verse/check/findings';
export { type FormOptions, isFormName, type ToneRule } from '../verse/form-options';
export { FORM_NAMES } from '../verse/form-patterns';
export { formatCheck, formatFault, type TextLanguage } from '../verse/format-check';
export { RHYME_BOOKS, type RhymeBook, type RhymeBookName } from '../verse/rhyme-book';
export type { ModelSource } from './load';
export { Model } from './model';
export { loadRhymeBook } from './rhyme-book';
