import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, extname, join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(__dirname, '../..');
const { findZig } = require('../../scripts/dev/prebuild/zig.js') as { findZig: () => string };

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.mjs': 'text/javascript' };

/** Path of Chromium or Chrome; undefined if none is installed. */
export function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return BROWSERS.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
}

/** Why the tests cannot run: only the packer of a release has zig, and not every machine has a browser. */
export function whatIsMissing(): string | undefined {
  if (!findZig()) return 'zig is not installed';
  return findBrowser() ? undefined : 'Chromium is not installed';
}

/** Builds the module for browsers from the sources, as a release has it. */
export async function buildModule(folder: string): Promise<void> {
  const node = (script: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, [join(ROOT, script), ...args]);
  await node('scripts/dev/prebuild.js', `--out=${folder}`, 'wasm');
  await node('scripts/dev/browser.js', join(folder, 'dist/browser'), join(folder, 'wasm/writer.wasm'));
}

/** A web server for an empty page, files of the package and others. */
export class Site {
  /** Paths of the files that were asked for. */
  readonly requests: string[] = [];
  /** More files, by path. */
  readonly files = new Map<string, Uint8Array>();
  readonly #folders: readonly string[];
  readonly #server: Server;

  private constructor(folders: readonly string[]) {
    this.#folders = folders;
    this.#server = createServer(({ url = '' }, response) => {
      const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
      const bytes = this.#read(path);
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
      response.setHeader('access-control-allow-origin', '*');
      response.writeHead(bytes ? 200 : 404).end(bytes);
    });
  }

  /** @param folders Where to look for files, the first that has one first. */
  static async open(...folders: string[]): Promise<Site> {
    const site = new Site(folders);
    await new Promise<void>((resolve) => site.#server.listen(0, '127.0.0.1', resolve));
    site.files.set('/blank.html', Buffer.from('<!doctype html><meta charset="utf-8">'));
    return site;
  }

  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #read(path: string): Uint8Array | undefined {
    this.requests.push(path);
    const file = this.#folders.map((folder) => join(folder, path)).find((name) => existsSync(name));
    return this.files.get(path) ?? (file === undefined ? undefined : readFileSync(file));
  }
}
