import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from './contender';
import type { Place } from './protocol';

/** The programs this library is compared with, if installed. A missing peer has no programs. */
export type Peers = Readonly<{
  versions: Readonly<Record<string, string>>;
  /** Which peers are skipped, why, and how to install them. */
  skipped: readonly string[];
  pytorch(way: 'seed' | 'batched' | 'tuned', threads: number): Program[];
  /** PyTorch's usual sampling. */
  pytorchSampling(threads: number): Program[];
  /** On a GPU: step by step, or each step captured as a CUDA graph by PyTorch. */
  pytorchOn(place: Place, way: 'eager' | 'graph'): Program[];
  onnx(threads: number): Program[];
  tfjs(): Program[];
}>;

/**
 * By default, glibc returns large blocks to the system when they are freed, so every step pays for new pages. These
 * settings prevent that.
 */
const KEEP_PAGES = {
  GLIBC_TUNABLES: 'glibc.malloc.trim_threshold=4294967296:glibc.malloc.mmap_threshold=4294967296',
};

export function findPeers(python: string): Peers {
  const versions: Record<string, string> = {};
  const skipped: string[] = [];
  const take = (name: string, found: Found) => {
    if ('version' in found) versions[name] = found.version;
    else skipped.push(`${name}: ${found.missing}`);
    return 'version' in found;
  };
  const torch = take('PyTorch', findTorch(python));
  const onnx = take('onnxruntime-node', findPackage('onnxruntime-node'));
  const tfjs = take('tfjs', findPackage('@tensorflow/tfjs-backend-wasm'));
  const file = join(__dirname, 'pytorch.py');
  const pytorch = (name: string, way: string, threads: number): Program[] => {
    const env = way === 'tuned' ? KEEP_PAGES : {};
    return torch ? [{ name, command: python, args: [file, '--way', way], env, threads }] : [];
  };
  const pytorchOn = (place: Place, way: string): Program[] => {
    const args = [join(__dirname, 'pytorch_gpu.py'), '--way', way];
    return torch ? [{ name: `pytorch ${way}`, command: python, args, threads: 1, place }] : [];
  };
  return {
    versions,
    skipped,
    pytorch: (way, threads) => pytorch(`pytorch ${way}`, way, threads),
    pytorchSampling: (threads) => pytorch(`pytorch (${counted(threads)})`, 'batched', threads),
    pytorchOn,
    onnx: (threads) => (onnx ? [program(`onnxruntime (${counted(threads)})`, 'onnx.ts', threads)] : []),
    tfjs: () => (tfjs ? [program(`tfjs wasm (${counted(1)})`, 'tfjs.ts', 1)] : []),
  };
}

export function ours(threads: number, place?: Place, name = 'ours', env: Program['env'] = {}): Program {
  return { ...program(name, 'ours.ts', threads), env, ...(place && { place }) };
}

type Found = { version: string } | { missing: string };

function findTorch(python: string): Found {
  const { stdout, stderr, error, status } = spawnSync(
    python,
    ['-c', 'import torch; print(torch.__version__)'],
    { encoding: 'utf8' },
  );
  if (status === 0) return { version: stdout.trim() };
  const reason = error?.message ?? stderr.trim().split('\n').at(-1);
  return { missing: `${python} cannot import it (${reason}); choose another with --python` };
}

function findPackage(name: string): Found {
  const file = join(__dirname, 'node_modules', name, 'package.json');
  if (!existsSync(file)) return { missing: 'not installed; run npm install --prefix scripts/dev/bench' };
  return { version: JSON.parse(readFileSync(file, 'utf8')).version };
}

function program(name: string, file: string, threads: number): Program {
  const args = ['-r', require.resolve('ts-node/register'), join(__dirname, file)];
  return { name, command: process.execPath, args, threads };
}

function counted(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`;
}
