/**
 * Reloads while requests are under way, by SIGHUP and by the admin API in turn: a good configuration must take within seconds, a broken one
 * must change nothing. Where the program does not reload yet, it says so once and leaves it alone.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LIMIT_MS = 10_000;
/** After which a broken configuration would have been taken. */
const REFUSAL_MS = 300;
const SIGHUP_BIT = 1n;

/**
 * @param {object} given
 * @param {import('../scale/proxy.mjs').Proxy} given.proxy
 * @param {number} given.adminPort
 * @param {(variant: number) => string} given.write  the file's text
 * @param {string} given.folder
 * @param {import('./oracle.mjs').Oracle} given.oracle
 */
export function createReloader({ proxy, adminPort, write, folder, oracle }) {
  const file = join(folder, 'pulsegate.yaml');
  /** `skipped` = why, when the program does not reload. */
  const counts = { taken: 0, refused: 0, skipped: '' };
  const base = `http://127.0.0.1:${adminPort}`;
  let turn = 0;
  let isChecked = false;

  const generation = async () => (await (await fetch(`${base}/health`)).json()).generation;
  /** Whether it was taken; null = nobody listens. */
  const ask = async () => {
    turn += 1;
    if (turn % 2 === 1) {
      proxy.kill('SIGHUP');
      return null;
    }
    const { status } = await fetch(`${base}/config/reload`, { method: 'POST' });
    return status;
  };

  return {
    counts,
    /** @param {number} variant @param {boolean} isBroken */
    reload: async (variant, isBroken) => {
      if (proxy.exited || counts.skipped !== '') return;
      if (!isChecked) counts.skipped = await missing(proxy.pid, base);
      isChecked = true;
      if (counts.skipped !== '') return;
      const before = await generation();
      writeFileSync(file, isBroken ? `${write(variant).slice(0, -2)}, "nonsense": 1}}` : write(variant));
      const status = await ask();
      const isRight = status === null || status === (isBroken ? 422 : 200);
      if (!isRight)
        oracle.complain(`POST /config/reload answered ${status} to a ${isBroken ? 'broken' : 'good'} configuration`);
      if (isBroken) {
        await sleep(REFUSAL_MS);
        if ((await generation()) !== before) oracle.complain('a broken configuration was taken');
        else counts.refused += 1;
        return;
      }
      for (const limitMs = performance.now() + LIMIT_MS; (await generation()) === before; ) {
        if (performance.now() > limitMs) {
          oracle.complain(`a reload to configuration ${variant} did not take within ${LIMIT_MS / 1_000} s`);
          return;
        }
        await sleep(50);
      }
      counts.taken += 1;
    },
  };
}

/** What of reloading the program does not have; '' = nothing. @param {number} pid @param {string} base */
async function missing(pid, base) {
  const caught = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  if ((BigInt(`0x${caught}`) & SIGHUP_BIT) === 0n) return 'SIGHUP is not caught';
  const { status } = await fetch(`${base}/config/reload`, { method: 'POST' });
  return status === 404 || status === 405 || status === 501 ? `POST /config/reload answers ${status}` : '';
}
