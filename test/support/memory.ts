/** How much memory a process takes, as the kernel counts it; Linux. */

import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';

const LOOK_EVERY_MS = 20;

export interface MemoryWatch {
  /** The most that the process has grown by since the watch began. */
  growthMiB(): number;
  /** The most that it has taken since then. */
  peakMiB(): number;
}

export function watchMemory(pid: number): MemoryWatch {
  const before = residentMiB(pid);
  let peak = before;
  const look = () => {
    peak = Math.max(peak, residentMiB(pid));
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  onTestFinished(() => clearInterval(timer));
  return {
    growthMiB() {
      look();
      return peak - before;
    },
    peakMiB() {
      look();
      return peak;
    },
  };
}

function residentMiB(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(match?.[1]) / 1_024;
}
