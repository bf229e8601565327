import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveDevice } from '../../lib';
import { newCommand, number, onClosedOutput, run } from '../cli/command';
import { progress } from '../setup/say';
import { html, markdown, nameOf, svg } from './compare/page';
import { type Outcome, trial, type Variant } from './compare/trial';

const command = newCommand('compare')
  .description(
    "Compares RNN, LSTM and GRU on both corpora, with and without the original program's faults, on the CPU\n" +
      'and on a GPU if there is one, with equal training time. Takes about 5 minutes on two cores.',
  )
  .option('--seconds <n>', 'training time of each network', number(1), 18)
  .option(
    '--out <folder>',
    'output folder for compare.html, compare.md, compare.json and the curves',
    'compare',
  )
  .action(async ({ seconds, out }) => {
    const line = progress();
    const auto = await resolveDevice('auto');
    // libtorch looks for CUDA once, so variants on a GPU come first.
    const devices = auto === 'cpu' ? (['cpu'] as const) : [auto, 'cpu' as const];
    const variants = devices.flatMap((device) =>
      (['poems', 'tangshi'] as const).flatMap((data) =>
        [false, true].flatMap((faults) =>
          (['lstm', 'gru', 'rnn'] as const).map((cell): Variant => ({ cell, data, device, faults })),
        ),
      ),
    );
    const outcomes: Outcome[] = [];
    for (const [i, variant] of variants.entries()) {
      const name = `${i + 1} of ${variants.length}, ${nameOf(variant)}`;
      const outcome = await trial(variant, seconds, (text) => line.show(`${name}: ${text}`));
      outcomes.push(outcome);
      line.done();
      process.stdout.write(`${nameOf(variant)}: nll ${outcome.curve.at(-1)?.nll.toFixed(3)}\n`);
    }
    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'compare.json'), `${JSON.stringify({ seconds, outcomes }, null, 2)}\n`);
    await writeFile(join(out, 'compare.html'), html(outcomes, seconds));
    await writeFile(join(out, 'compare.md'), markdown(outcomes, seconds));
    for (const data of new Set(outcomes.map((outcome) => outcome.data)))
      await writeFile(join(out, `${data}.svg`), svg(outcomes.filter((outcome) => outcome.data === data)));
    process.stdout.write(
      `Results: ${join(out, 'compare.html')} and, as Markdown, ${join(out, 'compare.md')}\n`,
    );
  });

onClosedOutput(() => process.exit());
run(command);
