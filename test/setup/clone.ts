/** A small clone of this package in its own folder, with its own home, cache and python3. */
import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

export const repository = path.resolve(__dirname, '../..');
const library = process.platform === 'darwin' ? 'dylib' : 'so';
const folders: string[] = [];

export function folder(): string {
  const made = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'tangshi-setup-')));
  folders.push(made);
  return made;
}

export function removeFolders(): void {
  for (const made of folders.splice(0)) fs.rmSync(made, { recursive: true, force: true });
}

export function write(root: string, files: Record<string, string>): void {
  for (const [file, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), content);
  }
}

/** The files that identify a libtorch, without the 434 MB. `versionFile` is the file that holds its version. */
export function fakeLibtorch(dir: string, version: string, versionFile = 'build-version'): string {
  const [major, minor, patch] = version.split('.');
  const says: Record<string, string> = {
    'build-version': `${version}\n`,
    'version.py': `from typing import Optional\n__version__ = '${version}'\ndebug = False\n`,
    'include/torch/headeronly/version.h': `#define TORCH_VERSION_MAJOR ${major}\n\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n#define TORCH_VERSION_ABI_TAG 0\n`,
  };
  write(dir, {
    'include/torch/csrc/api/include/torch/torch.h': '',
    [`lib/libtorch.${library}`]: 'torch',
    [`lib/libtorch_cpu.${library}`]: 'torch_cpu',
    [`lib/libc10.${library}`]: 'c10',
    [versionFile]: says[versionFile] ?? '',
  });
  return dir;
}

/** A torch wheel like the one pip downloads, with a RECORD; `damage` changes files after RECORD is written. */
export function fakeWheel(name: string, damage: (dir: string) => void = () => {}): string {
  const dir = folder();
  fakeLibtorch(path.join(dir, 'torch'), '2.13.0+cpu', 'version.py');
  write(dir, { 'torch/lib/libtorch_python.so': 'dropped', 'torch/nn/functional.py': 'dropped' });
  const { createHash } = require('node:crypto');
  const files = fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile());
  const record = files.map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    const content = fs.readFileSync(file);
    return `${path.relative(dir, file)},sha256=${createHash('sha256').update(content).digest('base64url')},${content.length}\n`;
  });
  write(dir, {
    'torch-2.13.0+cpu.dist-info/RECORD': `${record.join('')}torch-2.13.0+cpu.dist-info/RECORD,,\n`,
  });
  damage(dir);
  execFileSync('cmake', ['-E', 'tar', 'cf', name, '--format=zip', 'torch', 'torch-2.13.0+cpu.dist-info'], {
    cwd: dir,
  });
  return path.join(dir, name);
}

export type Result = { code: number | null; stdout: string; stderr: string };

export class Clone {
  readonly root = folder();
  readonly home = folder();
  readonly bin = folder();
  /** Where the setup puts the libtorch that it downloads. */
  readonly cached = path.join(
    this.home,
    `cache/tangshi/libtorch-2.13.0-cpu-${process.platform}-${process.arch}/torch`,
  );

  constructor() {
    fs.cpSync(path.join(repository, 'scripts/setup'), path.join(this.root, 'scripts/setup'), {
      recursive: true,
    });
    fs.copyFileSync(
      path.join(repository, 'scripts/setup/setup.js'),
      path.join(this.root, 'scripts/setup/setup.js'),
    );
    fs.copyFileSync(path.join(repository, 'package.json'), path.join(this.root, 'package.json'));
    fs.symlinkSync(path.join(repository, 'node_modules'), path.join(this.root, 'node_modules'));
    write(this.root, {
      'CMakeLists.txt': `
        cmake_minimum_required(VERSION 3.20)
        project(small LANGUAGES CXX)
        set(addons writer)
        if(NOT WRITER_ONLY)
          list(APPEND addons tangshi)
        endif()
        foreach(addon \${addons})
          add_library(\${addon} MODULE native/addon.cc)
          set_target_properties(\${addon} PROPERTIES PREFIX "" SUFFIX ".node")
          target_compile_definitions(\${addon} PRIVATE LIBTORCH="\${LIBTORCH}")
          target_include_directories(\${addon} PRIVATE \${CMAKE_JS_INC})
          if(APPLE)
            target_link_options(\${addon} PRIVATE -undefined dynamic_lookup)
          endif()
        endforeach()`,
      'native/addon.cc': `
        #include <node_api.h>
        NAPI_MODULE_INIT() {
          napi_value path;
          napi_create_string_utf8(env, LIBTORCH, NAPI_AUTO_LENGTH, &path);
          return path;
        }`,
    });
    this.python('exit 1');
  }

  /** Replaces `python3` by a shell script. */
  python(script: string): void {
    fs.writeFileSync(path.join(this.bin, 'python3'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** A python3 whose pip counts the download, runs `before`, then delivers this wheel. */
  pipBrings(wheel: string, before = ':'): void {
    this.python(
      `case "$*" in *"pip download"*) echo x >> '${this.home}/downloads'; ${before}; cp '${wheel}' . ;; *) exit 1 ;; esac`,
    );
  }

  downloads(): number {
    return fs.readFileSync(path.join(this.home, 'downloads'), 'utf8').split('\n').length - 1;
  }

  start(args: string[], env: NodeJS.ProcessEnv = {}) {
    const { LIBTORCH, TANGSHI_SETUP, ...rest } = process.env;
    const PATH = `${this.bin}${path.delimiter}${process.env.PATH}`;
    const own = { HOME: this.home, XDG_CACHE_HOME: path.join(this.home, 'cache'), PATH };
    return spawn(process.execPath, [path.join(this.root, 'scripts/setup/setup.js'), ...args], {
      cwd: this.root,
      env: { ...rest, ...own, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  run(args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Result> {
    return ended(this.start(args, env));
  }

  /** Export of the built addon: the path of the libtorch it was built with. Loaded in a separate process. */
  addon(): string {
    const program = "process.stdout.write(require('./build/Release/tangshi.node'))";
    return execFileSync(process.execPath, ['-e', program], { cwd: this.root, encoding: 'utf8' });
  }
}

export function ended(child: ReturnType<typeof spawn>): Promise<Result> {
  const result: Result = { code: null, stdout: '', stderr: '' };
  child.stdout?.on('data', (data) => {
    result.stdout += data;
  });
  child.stderr?.on('data', (data) => {
    result.stderr += data;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...result, code })));
}

export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 6000) throw new Error('waited for a minute in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Zombies do not count. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = process.platform === 'linux' ? fs.readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
    return !stat.includes(') Z');
  } catch {
    return false;
  }
}
