// The network by itself, without poems, files or a run folder. It learns to spell three letters backwards, and is then
// tested on words it has never seen.
//
//   node examples/session.mjs
import { bucketedBatcher, evaluationBatches, loadDataset, TrainingSession } from 'tangshi';

const EPOCHS = 12;
const LETTERS = [...'abcdefgh'];

/** `abc cba` and the other 511. A corpus can be any iterable of strings, also an async one. */
function* texts() {
  for (const a of LETTERS)
    for (const b of LETTERS) for (const c of LETTERS) yield `${a}${b}${c} ${c}${b}${a}`;
}

const { train, heldOut, vocab } = await loadDataset({
  data: texts(),
  cleaning: 'plain',
  minCount: 1,
  heldOut: 0.1,
});

const session = await TrainingSession.open({
  model: {
    cell: 'lstm',
    vocabSize: vocab.size,
    embedDim: 16,
    hiddenDim: 64,
    layers: 1,
    dropout: 0,
    tieWeights: false,
    reluLogits: false,
    xavierOutput: false,
  },
  optimizer: { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  device: 'cpu',
  seed: 1n,
  threads: 1,
});

// The lower bound: of the 8 characters of a text, including its end, only three are unpredictable.
console.log(`nll cannot fall below ${((3 * Math.log(LETTERS.length)) / 8).toFixed(3)}`);
const batcher = bucketedBatcher(train, { batch: 16, seed: 1 });
for (let epoch = 1; epoch <= EPOCHS; epoch++) {
  // One call per epoch keeps the session's thread busy.
  const batches = Array.from({ length: batcher.stepsPerEpoch }, () => batcher.next());
  await session.train(batches, { lr: 0.01, clipNorm: 1 });
  const { nll, tokens } = await session.evaluate(evaluationBatches(heldOut, 64));
  console.log(`epoch ${epoch}: held-out nll ${(nll / tokens).toFixed(3)}`);
}

// The beginning of each unseen text, [begin, a, b, c, space], for the network to continue.
const samples = await session.generate(
  heldOut.map((ids) => ids.subarray(0, 5)),
  {
    temperature: 0, // always the most likely character
    topK: 0,
    topP: 1,
    maxNewTokens: 4,
    endId: vocab.eos,
    banned: vocab.banned,
  },
);
const expected = heldOut.map((ids) => vocab.decode(ids.subarray(5, -1)));
const answers = samples.map(({ ids }) => vocab.decode(ids));
const right = answers.filter((answer, i) => answer === expected[i]).length;
for (let i = 0; i < 3; i++) console.log(`${vocab.decode(heldOut[i].subarray(1, 4))} -> ${answers[i]}`);
console.log(`right: ${right} of ${heldOut.length} unseen words`);
await session.dispose();
