/** What a test needs of the machine, and whether it is there: a reason to skip is printed, never silent. */

import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';

export const isRoot = process.getuid?.() === 0;

/** Whether a program is in PATH or where administrators' programs are. */
export function hasProgram(name: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @returns whether everything needed is there; prints what is not */
export function isAble(test: string, needs: Readonly<Record<string, boolean>>): boolean {
  const missing = Object.keys(needs).filter((name) => needs[name] !== true);
  if (missing.length > 0) process.stdout.write(`skipped: ${test}: needs ${missing.join(' and ')}\n`);
  return missing.length === 0;
}

/** Whether this process may mount file systems: root of a container often may not. */
export function canMount(): boolean {
  if (!isRoot) return false;
  const folder = mkdtempSync(join(tmpdir(), 'pulsegate-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'pulsegate-test', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

export interface SmallDisk {
  readonly folder: string;
  remount(options: string): void;
}

/** A file system of its own in memory, gone with the test. */
export function mountSmallDisk(options: string): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'pulsegate-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'pulsegate-test', folder]);
  onTestFinished(() => {
    // Lazily: a process that is being killed may still have a file open there.
    execFileSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  return { folder, remount: (other) => void execFileSync('mount', ['-o', `remount,${other}`, folder]) };
}

const CPU_GROUPS = '/sys/fs/cgroup/cpu';
const UNIFIED_GROUPS = '/sys/fs/cgroup';

/** Control groups with a quota of CPU time, in either of the kernel's two forms; null = none may be made here. */
export function cpuGroups(): 'v1' | 'v2' | null {
  if (!isRoot) return null;
  const attempts = [
    ['v1', CPU_GROUPS, 'cpu.cfs_quota_us'],
    ['v2', UNIFIED_GROUPS, 'cpu.max'],
  ] as const;
  for (const [kind, root, file] of attempts) {
    const folder = join(root, `pulsegate-test-${process.pid}`);
    try {
      mkdirSync(folder);
      try {
        accessSync(join(folder, file), constants.W_OK);
        return kind;
      } finally {
        rmdirSync(folder);
      }
    } catch {
      // Not this form, or not allowed.
    }
  }
  return null;
}

/** Lets the process have `percent` of one CPU until the test ends. */
export function limitCpu(pid: number, percent: number): void {
  const kind = cpuGroups();
  if (kind === null) throw new Error('there are no control groups for CPU time');
  const root = kind === 'v1' ? CPU_GROUPS : UNIFIED_GROUPS;
  const folder = mkdtempSync(join(root, 'pulsegate-quota-'));
  const [periodUs, quotaUs] = [100_000, percent * 1_000];
  if (kind === 'v1') {
    writeFileSync(join(folder, 'cpu.cfs_period_us'), String(periodUs));
    writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quotaUs));
  } else {
    writeFileSync(join(folder, 'cpu.max'), `${quotaUs} ${periodUs}`);
  }
  writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  onTestFinished(() => {
    try {
      writeFileSync(join(root, 'cgroup.procs'), String(pid));
    } catch {
      // It has ended.
    }
    rmdirSync(folder);
  });
}
