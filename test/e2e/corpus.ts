import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { POEMS } from '../../scripts/dev/torture/torture';

export { events, POEMS } from '../../scripts/dev/torture/torture';

/** Runs `work` in a temporary folder with a corpus, poems.txt, and removes the folder afterwards. */
export async function inFolder(work: (folder: string, data: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tangshi-e2e-'));
  try {
    const data = join(folder, 'poems.txt');
    await writeFile(data, `${POEMS.map((poem, index) => `诗${index}:${poem}`).join('\n')}\n`);
    await work(folder, data);
  } finally {
    await rm(folder, { recursive: true });
  }
}
