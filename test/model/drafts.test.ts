import { Vocab } from '../../lib';
import { bestDraft } from '../../lib/model/drafts';
import type { PoemRequest } from '../../lib/model/poem-request';
import type { Sample } from '../../lib/native/contract';

const vocab = Vocab.build(['床前明月光，疑是地上霜。举头望明月，低头思故乡。'], { minCount: 1 });
const request = { model: { vocab }, prompt: '床' } as PoemRequest;
const draft = (text: string, logProb: number): Sample => ({ ids: vocab.encode(text), ended: true, logProb });

test('chooses the draft with the highest probability per character, unless it repeats itself', async () => {
  const drafts = [draft('前明月光，', -9), draft('前明月光，', -3), draft('前前前前，', -1)];
  expect(await bestDraft(drafts, request)).toBe(drafts[1]);
});

test('choosing among many drafts yields to the event loop', async () => {
  let [turns, choosing] = [0, true];
  const turn = () => {
    turns++;
    if (choosing) setImmediate(turn);
  };
  setImmediate(turn);
  await bestDraft(Array<Sample>(100_000).fill(draft('前明月光，疑是地上霜。', -9)), request); // at least about 100 ms
  choosing = false;
  expect(turns).toBeGreaterThan(2);
});
