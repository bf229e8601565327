import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Out of copyright for a thousand years. */
export const POEMS = [
  '床前明月光，疑是地上霜。举头望明月，低头思故乡。',
  '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。',
  '春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。',
  '千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。',
  '红豆生南国，春来发几枝。愿君多采撷，此物最相思。',
  '松下问童子，言师采药去。只在此山中，云深不知处。',
  '空山不见人，但闻人语响。返景入深林，复照青苔上。',
  '君自故乡来，应知故乡事。来日绮窗前，寒梅著花未。',
];

/** A folder of its own, with poems.txt in it, that goes when the work is done. */
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
