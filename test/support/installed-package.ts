/**
 * The package as a user has it: packed, and unpacked into an empty project together with the dependencies that the lock file
 * names, copied from this checkout. No network, no script of any package is run, and nothing leads back into the checkout.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

export interface Packed {
  readonly tarball: string;
  /** In bytes. */
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly PackedFile[];
}

/** Packs what `npm run build` has left in dist. */
export function packInto(folder: string): Packed {
  const npm = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const stdout = execFileSync('npm', npm, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const [packed] = JSON.parse(stdout) as [Omit<Packed, 'tarball'> & { readonly filename: string }];
  return { ...packed, tarball: join(folder, packed.filename) };
}

export interface InstalledPackage {
  /** The project's folder. */
  readonly project: string;
  /** The package's own folder in it. */
  readonly folder: string;
  /** What npm would link as the command `pulsegate`. */
  readonly command: string;
}

export function installInto(project: string, { tarball }: Packed): InstalledPackage {
  const modules = join(project, 'node_modules');
  const folder = join(modules, 'pulsegate');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');
  execFileSync('tar', ['xzf', tarball, '-C', folder, '--strip-components=1']);
  for (const path of runtimeDependencies()) cpSync(join(ROOT, path), join(project, path), { recursive: true });
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { bin: { pulsegate: string } };
  mkdirSync(join(modules, '.bin'));
  const command = join(modules, '.bin/pulsegate');
  symlinkSync(`../pulsegate/${bin.pulsegate}`, command);
  return { project, folder, command };
}

/** Folders of the packages that are not for development only, from the root. */
export function runtimeDependencies(): string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { readonly dev?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path]) => path);
}
