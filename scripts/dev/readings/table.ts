import { standardForms } from '../../../lib/data/standard-forms';
import { scriptConverter } from '../../../lib/util/script-conversion';
import type { ReadingTable } from '../../../lib/verse/pingshui';
import { PINGSHUI_GROUPS, toneOfPingshuiGroup } from '../../../lib/verse/pingshui-groups';
import { ADDED_GROUPS, RARE_GROUPS } from './by-hand';
import { type Candidates, countUse, type Use } from './counts';
import { guangyunCharacters, guangyunGroups, isSeparateInCi } from './guangyun';
import { innerCharacters } from './line-ends';
import { readSources, type Sources } from './sources';

/** Observations in Tang poems below which Song poems are counted, too. */
const ENOUGH = 50;
/** Observations that the prior counts for. */
const PRIOR = 2;

/** Observations of a character in Tang and in Song poems. */
type Uses = readonly [tang: Use | undefined, song: Use | undefined];
/** Share of each reading of a character. */
type Shares = Map<string, number>;

/** Builds the table of readings from the 廣韻, decisions by hand, and the use of characters in Tang and Song poems. */
export async function buildTable(): Promise<ReadingTable> {
  const [tang, song] = [await readSources('tang'), await readSources('song')];
  const priors = priorsOf(tang, song);
  const candidates: Candidates = new Map([...priors].map(([char, shares]) => [char, inUse(shares)]));
  const inTang = countUse(tang.poems, candidates);
  const inSong = countUse(song.poems, candidates);
  const weighed = new Map(
    [...priors].map(([char, prior]) => [char, weigh(char, prior, [inTang.get(char), inSong.get(char)])]),
  );
  return toTable(weighed, separateInCi(weighed, [tang, song]), innerCharacters(tang.poems));
}

/** Readings of all characters: each form in proportion to its use, the readings of a form alike. */
function priorsOf(...sources: readonly Sources[]): Map<string, Shares> {
  const forms = possibleForms();
  for (const { forms: used } of sources)
    for (const [char] of used) if (!forms.has(char)) forms.set(char, new Set([char]));
  const priors = new Map<string, Shares>();
  for (const [char, possible] of forms) {
    const counts = [...possible].map((form) => formCount(char, form, sources));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const shares: Shares = new Map();
    for (const [i, form] of [...possible].entries()) {
      const weight = total === 0 ? 1 / possible.size : (counts[i] as number) / total;
      addShares(shares, guangyunGroups(form), weight);
    }
    addShares(shares, ADDED_GROUPS.get(char) ?? [], 1);
    if (shares.size > 0) priors.set(char, scaled(shares));
  }
  return priors;
}

function formCount(char: string, form: string, sources: readonly Sources[]): number {
  return sources.reduce((sum, { forms }) => sum + (forms.get(char)?.get(form) ?? 0), 0);
}

/** The traditional forms of the 廣韻 for each simplified character. */
function possibleForms(): Map<string, Set<string>> {
  const simplify = scriptConverter('to-simplified');
  const forms = new Map<string, Set<string>>();
  for (const form of guangyunCharacters()) {
    const char = standardForms(simplify(form));
    const known = forms.get(char);
    if (known) known.add(form);
    else forms.set(char, new Set([form]));
  }
  return forms;
}

function addShares(shares: Shares, groups: readonly string[], weight: number): void {
  for (const group of groups) shares.set(group, (shares.get(group) ?? 0) + weight / groups.length);
}

function scaled(shares: Shares): Shares {
  const total = [...shares.values()].reduce((sum, share) => sum + share, 0);
  return new Map([...shares].map(([group, share]) => [group, total === 0 ? 0 : share / total]));
}

/** Readings of forms that the corpus has. */
function inUse(shares: Shares): string[] {
  return [...shares].filter(([, share]) => share >= 0.01).map(([group]) => group);
}

/** The shares after the observations. */
function weigh(char: string, prior: Shares, uses: Uses): Shares {
  const shares: Shares = new Map();
  for (const [tone, share] of posterior(tonesOf(prior), uses, (use) => tonesIn(use))) {
    const groups = scaled(new Map([...prior].filter(([group]) => toneOfPingshuiGroup(group) === tone)));
    for (const [group, part] of posterior(groups, uses, (use) => use.groups)) shares.set(group, share * part);
  }
  for (const group of RARE_GROUPS.get(char) ?? []) shares.set(group, 0);
  return scaled(shares);
}

function tonesIn({ level, oblique }: Use): Map<string, number> {
  return new Map([
    ['level', level],
    ['oblique', oblique],
  ]);
}

function tonesOf(prior: Shares): Shares {
  const tones: Shares = new Map();
  for (const [group, share] of prior) addShares(tones, [toneOfPingshuiGroup(group)], share);
  return tones;
}

/** Adds the observations in Tang poems to the prior, and those in Song poems if the others are few. */
function posterior(
  prior: Shares,
  [tang, song]: Uses,
  countsOf: (use: Use) => ReadonlyMap<string, number>,
): Shares {
  const observed = (use: Use | undefined, key: string) => (use && countsOf(use).get(key)) ?? 0;
  const inTang = [...prior.keys()].reduce((sum, key) => sum + observed(tang, key), 0);
  const count = (key: string) => observed(tang, key) + (inTang < ENOUGH ? observed(song, key) : 0);
  return scaled(new Map([...prior].map(([key, share]) => [key, count(key) + PRIOR * share])));
}

/** Characters by group that ci separate from the others: decided by the traditional form that is used most. */
function separateInCi(
  weighed: ReadonlyMap<string, Shares>,
  sources: readonly Sources[],
): Record<string, string> {
  const forms = possibleForms();
  const found: Record<string, string> = {};
  for (const char of [...weighed.keys()].sort()) {
    const possible = [...(forms.get(char) ?? [])].sort(
      (a, b) => formCount(char, b, sources) - formCount(char, a, sources),
    );
    for (const group of weighed.get(char)?.keys() ?? []) {
      const form = possible.find((other) => guangyunGroups(other).includes(group));
      if (form && isSeparateInCi(form, group)) found[group] = (found[group] ?? '') + char;
    }
  }
  return found;
}

function toTable(
  weighed: ReadonlyMap<string, Shares>,
  separate: Record<string, string>,
  inner: string,
): ReadingTable {
  const characters = [...weighed.keys()].sort();
  const groups = PINGSHUI_GROUPS.map((group) => [
    group,
    characters.filter((char) => weighed.get(char)?.has(group)).join(''),
  ]);
  const shares = characters
    .filter((char) => (weighed.get(char) as Shares).size > 1)
    .map((char) => [char, percentages(weighed.get(char) as Shares)]);
  return { groups: Object.fromEntries(groups), shares: Object.fromEntries(shares), separate, inner };
}

/** `冬58宋42`, the most used first. */
function percentages(shares: Shares): string {
  return [...shares]
    .sort(([, a], [, b]) => b - a)
    .map(([group, share]) => group + Math.round(100 * share))
    .join('');
}
