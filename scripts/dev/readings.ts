import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newCommand, run } from '../cli/command';
import { buildTable } from './readings/table';

const TABLE = join(__dirname, '../../lib/verse/readings.json');

const command = newCommand('readings')
  .description(
    'Builds the table of readings (lib/verse/readings.json) from the 廣韻 and the use of characters in Tang and Song poems.',
  )
  .action(async () => {
    await writeFile(TABLE, `${JSON.stringify(await buildTable(), null, 1)}\n`);
  });

run(command);
