/** How much memory a process takes, as the kernel counts it; Linux. */

import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';

const LOOK_EVERY_MS = 20;

/** The most that the process has grown by since the call. */
export function watchMemory(pid: number): { growthMiB(): number } {
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
  };
}

function residentMiB(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(match?.[1]) / 1_024;
}
