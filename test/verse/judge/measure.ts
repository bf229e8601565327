import { Judge } from './judge';

/** Shares of poems, from 0 to 1. */
export type Shares = Readonly<{ tone: number; rhyme: number; firstLine: number }>;

/** How many of the poems are right in tone, rhyme and first line. */
export async function measure(texts: readonly string[]): Promise<Shares> {
  const judge = await Judge.load();
  const verdicts = texts.map((text) => judge.judge(text));
  const share = (part: keyof Shares) => verdicts.filter((verdict) => verdict[part]).length / verdicts.length;
  return { tone: share('tone'), rhyme: share('rhyme'), firstLine: share('firstLine') };
}
