import { Vocab } from '../../lib';
import { bestDraft } from '../../lib/model/drafts';
import type { PoemRequest } from '../../lib/model/poem-request';
import type { Sample } from '../../lib/native/contract';

const vocab = Vocab.build(['床前明月光，疑是地上霜。举头望明月，低头思故乡。'], { minCount: 1 });
const request = { model: { vocab }, prompt: '床' } as PoemRequest;
const draft = (text: string, logProb: number): Sample => ({ ids: vocab.encode(text), ended: true, logProb });

test('the likeliest character by character is the best, unless it repeats itself', async () => {
  const drafts = [draft('前明月光，', -9), draft('前明月光，', -3), draft('前前前前，', -1)];
  expect(await bestDraft(drafts, request)).toBe(drafts[1]);
});

test('the best of many is chosen in several turns of the event loop', async () => {
  let [turns, choosing] = [0, true];
  const turn = () => {
    turns++;
    if (choosing) setImmediate(turn);
  };
  setImmediate(turn);
  await bestDraft(Array<Sample>(100_000).fill(draft('前明月光，疑是地上霜。', -9)), request); // some 100 ms at least
  choosing = false;
  expect(turns).toBeGreaterThan(2);
});
