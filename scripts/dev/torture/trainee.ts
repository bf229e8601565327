import { existsSync, writeSync } from 'node:fs';
import { train } from '../../../lib';
import { smallConfig } from './torture';

/**
 * A training run to be killed, or to get I/O errors. Starts or resumes the run in a folder, and saves at every step.
 * Each checkpoint is reported on stdout at once.
 *
 *  trainee.ts DATA OUT EPOCHS
 */
async function main([data = '', out = '', epochs = '1']: readonly string[]): Promise<void> {
  const resume = existsSync(`${out}/config.json`);
  const options = resume ? { resume } : { config: smallConfig(data, Number(epochs)) };
  for await (const event of train({ ...options, out, saveEvery: 1, keep: 3, device: 'cpu' })) {
    if (event.type === 'plan') writeSync(1, 'ready\n');
    if (event.type === 'checkpoint' && !event.best) writeSync(1, `saved ${event.step}\n`);
    if (event.type === 'done') writeSync(1, `done ${event.reason}\n`);
  }
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
});
