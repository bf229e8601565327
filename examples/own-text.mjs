// Learns from a text of your own, in any language, and writes more of the kind: a file in UTF-8, a text on each line, of
// up to 1,000 characters.
//
//   node examples/own-text.mjs FILE [EPOCHS]
//
// The network is small, for some thousand lines and a few minutes. For more text raise hiddenDim and embedDim (256, 512),
// then layers (3) and dropout (0.2); for less, EPOCHS; minCount: 2 leaves characters that stand only once to "unknown".
// Ctrl-C stops with a checkpoint. Options that are not named here are those of the preset `default`.
import { generatePoems, loadModel, train } from 'tangshi';

const [file, epochs = 20] = process.argv.slice(2);
if (!file) {
  console.error('Usage: node examples/own-text.mjs FILE [EPOCHS]');
  process.exit(1);
}

const config = {
  data: file,
  cleaning: 'plain', // the lines as they are
  minCount: 1,
  heldOut: 0.05, // a line in twenty is kept from training: how well these are foretold is what counts
  embedDim: 64,
  hiddenDim: 128,
  batch: 16,
  lr: 0.005,
  epochs: Number(epochs),
};

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

let run;
for await (const event of train({ config, signal: stop.signal })) {
  if (event.type === 'plan') {
    run = event.run;
    console.log(
      `${run}: ${event.poems} lines to learn from, ${event.heldOut} held out, ${event.steps} steps`,
    );
  }
  if (event.type === 'epoch') {
    const heldOut = event.heldOut ? `, held-out nll ${event.heldOut.nll.toFixed(3)}` : '';
    console.log(`epoch ${event.epoch}: loss ${event.loss.toFixed(3)}${heldOut}`); // nats a character
  }
}

const model = await loadModel(run);
for (const { text } of await generatePoems(model, { count: 3, maxLength: 200 })) console.log(`\n${text}`);
await model.dispose();
