// Trains on a text of your own, in any language, and generates more like it. The file is UTF-8, with one text per line of
// up to 1,000 characters.
//
//   node examples/own-text.mjs FILE [EPOCHS]
//
// The network is small, for a few thousand lines and a few minutes. For more text, raise hiddenDim and embedDim (256,
// 512), then layers (3) and dropout (0.2). For less text, raise EPOCHS. With minCount: 2, characters that occur once
// become "unknown". Ctrl-C stops with a checkpoint. Other options have the values of the preset `default`.
import { Model, train } from 'tangshi';

const [file, epochs = 20] = process.argv.slice(2);
if (!file) {
  console.error('Usage: node examples/own-text.mjs FILE [EPOCHS]');
  process.exit(1);
}

const config = {
  data: file,
  cleaning: 'plain', // keep the lines unmodified
  minCount: 1,
  heldOut: 0.05, // 1 line in 20 is held out from training, to measure how well the network predicts unseen lines
  embedDim: 64,
  hiddenDim: 128,
  batch: 16,
  lr: 0.005,
  epochs: Number(epochs),
};
const out = `runs/own-text-${Date.now()}`;

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

for await (const event of train({ config, out, signal: stop.signal })) {
  if (event.type === 'plan') {
    console.log(`${out}: ${event.poems} training lines, ${event.heldOut} held out, ${event.steps} steps`);
  }
  if (event.type === 'epoch') {
    const heldOut = event.heldOut ? `, held-out nll ${event.heldOut.nll.toFixed(3)}` : '';
    console.log(`epoch ${event.epoch}: loss ${event.loss.toFixed(3)}${heldOut}`); // nats per character
  }
}

const model = await Model.load(out);
for (const { text } of await model.generateMany(3, { maxLength: 200 })) console.log(`\n${text}`);
await model.dispose();
