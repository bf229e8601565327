import fs, { type FileHandle, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkWhole, writeWhole } from '../../lib/util/disk';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tangshi-disk-'));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const failure = (code: string) => Object.assign(new Error(code), { code });

/** Replaces `sync` of every open file. */
async function mockSync(sync: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(folder, 'r');
  jest.spyOn(Object.getPrototypeOf(file), 'sync').mockImplementation(function (this: unknown) {
    return sync(this as FileHandle);
  });
  await file.close();
}

/** Simulates a file system on which syncing a folder fails. */
const refuseFolders = (code: string) =>
  mockSync(async (file) => {
    if ((await file.stat()).isDirectory()) throw failure(code);
  });

test.each(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])('ignores %s when syncing a folder', async (code) => {
  await refuseFolders(code);
  const [file, name] = [join(folder, 'file'), join(folder, 'name')];
  await writeWhole(file, [Buffer.from('text')]);
  await linkWhole(file, name);
  expect(await readFile(name, 'utf8')).toBe('text');
});

test('a folder that is writable but not readable', async () => {
  const opened = fs.open;
  jest.spyOn(fs, 'open').mockImplementation(async (path, flags) => {
    if (path === folder) throw failure('EACCES');
    return opened(path, flags);
  });
  await writeWhole(join(folder, 'file'), [Buffer.from('text')]);
  expect(await readdir(folder)).toEqual(['file']);
});

test('reports other errors when syncing a folder', async () => {
  await refuseFolders('EIO');
  await expect(writeWhole(join(folder, 'file'), [Buffer.from('text')])).rejects.toMatchObject({
    code: 'ERR_TANGSHI_IO',
    cause: { code: 'EIO' },
  });
});

test('without hard links, the copy is synced before it gets its name', async () => {
  const [file, name] = [join(folder, 'file'), join(folder, 'name')];
  await writeFile(file, 'text');
  jest.spyOn(fs, 'link').mockRejectedValue(failure('EPERM'));
  const synced: string[] = [];
  await mockSync(async (handle) => {
    const { ino } = await handle.stat();
    const names = await readdir(folder);
    for (const name of names) if ((await stat(join(folder, name))).ino === ino) synced.push(name);
  });
  await linkWhole(file, name);
  expect(synced).toEqual(['name.tmp']);
  expect(await readFile(name, 'utf8')).toBe('text');
});

test('a copy that fails leaves nothing behind', async () => {
  const file = join(folder, 'file');
  await writeFile(file, 'text');
  jest.spyOn(fs, 'link').mockRejectedValue(failure('EPERM'));
  await mockSync(async () => {
    throw failure('ENOSPC');
  });
  await expect(linkWhole(file, join(folder, 'name'))).rejects.toMatchObject({ code: 'ERR_TANGSHI_IO' });
  expect(await readdir(folder)).toEqual(['file']);
});
