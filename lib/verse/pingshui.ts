import { standardForms } from '../data/standard-forms';
import { scriptConverter } from '../util/script-conversion';
import { PINGSHUI_GROUPS, toneOfPingshuiGroup } from './pingshui-groups';
import type { Reading, RhymeBook } from './rhyme-book';

import table = require('./readings.json');

/** Readings by groups of the 平水韵, built from the 廣韻 and the use of characters in verse; docs/verse.md describes it. */
export type ReadingTable = Readonly<{
  /** The characters of each group. */
  groups: Readonly<Record<string, string>>;
  /** For each character with several readings, their shares in percent, such as `冬56肿35宋9`. */
  shares: Readonly<Record<string, string>>;
  /** Characters by group that ci separate from the others of their group. */
  separate: Readonly<Record<string, string>>;
  /** Characters with which poets hardly ever end a line. */
  inner: string;
}>;

let loaded: ReadonlyMap<string, Reading[]> | undefined;

/** The 平水韵: the rhymes of regulated verse, in 106 groups. */
export class Pingshui implements RhymeBook {
  readonly name = '平水韵';
  readonly groups = PINGSHUI_GROUPS;
  readonly #readings: ReadonlyMap<string, readonly Reading[]>;

  constructor() {
    loaded ??= readingsOf(table);
    this.#readings = loaded;
  }

  readings(char: string): readonly Reading[] {
    return this.#readings.get(this.standardForm(char)) ?? [];
  }

  /** The form under which the table has a character: its simplified form, if it is not there itself. */
  standardForm(char: string): string {
    return this.#readings.has(char) ? char : standardForms(scriptConverter('to-simplified')(char));
  }
}

function readingsOf({ groups, shares }: ReadingTable): ReadonlyMap<string, Reading[]> {
  const readings = new Map<string, Reading[]>();
  for (const [index, name] of PINGSHUI_GROUPS.entries()) {
    const tone = toneOfPingshuiGroup(name);
    for (const char of groups[name] as string) {
      const share = shareOf(name, shares[char]);
      const known = readings.get(char);
      if (known) known.push({ tone, group: index, share });
      else readings.set(char, [{ tone, group: index, share }]);
    }
  }
  return readings;
}

function shareOf(group: string, shares: string | undefined): number {
  if (shares === undefined) return 1;
  return Number(new RegExp(`${group}(\\d+)`).exec(shares)?.[1] ?? 0) / 100;
}

const INNER = new Set(table.inner);

/** Whether poets do end lines with a character: they hardly ever do with 不, 未 or 可. */
export function mayEndLine(char: string): boolean {
  return !INNER.has(char);
}
