/** The library by the standard of the independent judge, and its own check by the poems of the corpus. */
import { checkPoem, Model } from '../../../lib';
import { loadPoems } from '../../../lib/data/poems';
import { rhymeBook } from '../../../lib/verse/rhyme-book';
import { Judge } from './judge';
import { measure } from './measure';
import { shuffled } from './shuffled';

describe('poems of the bundled model', () => {
  let model: Model;
  beforeAll(async () => {
    model = await Model.load();
  });
  afterAll(() => model.dispose());

  test.each(['五绝', '七绝', '五律', '七律'])('%s', async (form) => {
    const poems = await model.generateMany(200, { form, seed: 1, bestOf: 1 });
    const texts = poems.map(({ text }) => text);
    const judge = await Judge.load();
    const verdicts = texts.map((text) => ({ text, ...judge.judge(text) }));
    expect(verdicts.filter((verdict) => verdict.form !== form)).toEqual([]);
    const shares = await measure(texts);
    const isRight = shares.tone >= 0.99 && shares.rhyme >= 0.99 && shares.firstLine >= 0.97;
    const reasons = verdicts.filter((verdict) => verdict.reasons.length > 0);
    expect({ shares, reasons: isRight ? [] : reasons }).toEqual({ shares, reasons: [] });
  });
});

/**
 * Not all poems of this shape are regulated. The check accepts .833 and .837 of them.
 */
describe('the check accepts real poems and rejects random characters', () => {
  let poems: readonly string[];
  beforeAll(async () => {
    poems = (await loadPoems({ data: 'poems', cleaning: 'modern', heldOut: 0 })).train;
  });

  test.each([
    ['五律', 0.8],
    ['七律', 0.8],
  ])('%s', (form, least) => {
    const real = poems.filter((text) => isLevelRhymed(text, form.startsWith('五') ? 5 : 7));
    expect(real.length).toBeGreaterThan(1000);
    expect(accepted(real, form)).toBeGreaterThanOrEqual(least);
    expect(accepted(shuffled(real), form)).toBeLessThan(0.05);
  });
});

function accepted(poems: readonly string[], form: string): number {
  return poems.filter((text) => checkPoem(text, { form }).ok).length / poems.length;
}

/** Whether a poem has eight lines of which the even ones can end in a level tone. */
function isLevelRhymed(text: string, width: number): boolean {
  const lines = text.match(/\p{Script=Han}+/gu)?.map((line) => [...line]) ?? [];
  if (lines.length !== 8 || lines.some((line) => line.length !== width)) return false;
  return lines
    .filter((_, i) => i % 2 === 1)
    .every((line) =>
      rhymeBook('平水韵')
        .readings(line.at(-1) as string)
        .some(({ tone }) => tone === 'level'),
    );
}
