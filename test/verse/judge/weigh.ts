/** Which of a character's readings count, given how poets used it. */
import type { Usage } from './counts';
import type { Readings } from './guangyun';

/** With fewer observations, the book decides alone. */
const MIN_OBSERVATIONS = 20;
/** A reading of the book with a smaller share counts as wrong: 风 as oblique has 0.2%. */
const MIN_SHARE = 0.05;

/**
 * What proves a reading that the book lacks. The share of a tone is larger than that of a reading in the book, because
 * poems break the rules in up to 1% of the places of a character; the share of a group is not, because poets seldom left
 * the group in regulated verse.
 */
type Proof = Readonly<{ total: number; count: number; share: number }>;
/** 探 as oblique: 13 of 31. */
const NEW_TONE: Proof = { total: MIN_OBSERVATIONS, count: 5, share: 0.1 };
/** 涯 in 麻: 150 of 170. */
const NEW_GROUP: Proof = { total: 0, count: 10, share: MIN_SHARE };

/**
 * For characters that the book lacks altogether (間 stands there as 閒, 碗 as 椀): two places prove a tone, and one poem a
 * group, because 99 of 100 such places are right, and without any reading all would count as wrong.
 */
const ONLY_TONE: Proof = { total: 2, count: 2, share: 0.1 };
const ONLY_GROUP: Proof = { total: 0, count: 1, share: 0.2 };

export function weigh(book: Readings, usage: Usage | undefined): Readings {
  if (!usage) return book;
  const isInBook = book.level || book.oblique;
  const total = usage.level + usage.oblique;
  const isTone = (inBook: boolean, count: number) =>
    inBook ? isCommon(count, total) : isProved(count, total, isInBook ? NEW_TONE : ONLY_TONE);
  const level = isTone(book.level, usage.level);
  const groups = level ? weighGroups(book.groups, usage.groups, isInBook ? NEW_GROUP : ONLY_GROUP) : [];
  return { level, oblique: isTone(book.oblique, usage.oblique), groups: new Set(groups) };
}

function weighGroups(book: ReadonlySet<string>, used: ReadonlyMap<string, number>, proof: Proof): string[] {
  const total = [...used.values()].reduce((sum, count) => sum + count, 0);
  const common = [...book].filter((group) => isCommon(used.get(group) ?? 0, total));
  const added = [...used].filter(([group, count]) => !book.has(group) && isProved(count, total, proof));
  return [...common, ...added.map(([group]) => group)];
}

function isCommon(count: number, total: number): boolean {
  return total < MIN_OBSERVATIONS || count >= total * MIN_SHARE;
}

function isProved(count: number, total: number, proof: Proof): boolean {
  return total >= proof.total && count >= proof.count && count >= total * proof.share;
}
