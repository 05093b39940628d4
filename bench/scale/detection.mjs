/**
 * How long until a dead backend gets no more requests, under traffic: backends are killed (their listener closed, their connections
 * reset), and the proxy's log says when it took each out of service. Never more than a fifth of the
 * fleet is dead, or on its way back, at a time.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { startTraffic } from './traffic.mjs';

const MOST_VICTIMS = 40;
const MOST_AT_ONCE = 8;
/** Takes turns over the whole fleet, whatever its size: it has no factor in common with round numbers. */
const STRIDE = 7_919;
const POLL_MS = 50;
/** The log is written within half a second. */
const AFTERMATH_MS = 1_000;

/**
 * @param {{ proxy: import('./proxy.mjs').Proxy, fleet: import('./fleet.mjs').Fleet, size: number, rate: number, seconds: number }} given
 * @returns {Promise<{ victims: number, found: number, p50Ms: number | null, maxMs: number | null, requests: number, failed: number, failures: Record<string, number>, missed: string[] }>}
 */
export async function measureDetection({ proxy, fleet, size, rate, seconds }) {
  const traffic = startTraffic(proxy.ports.public ?? 0, rate);
  const endMs = performance.now() + seconds * 1_000 - AFTERMATH_MS;
  const atOnce = Math.min(MOST_AT_ONCE, Math.max(1, Math.floor(size / 5)));
  /** @type {Map<string, { n: number, killedMs: number }>} */
  const dead = new Map();
  /** @type {number[]} */
  const times = [];
  let victims = 0;
  /** Not in service, whoever is to blame. @type {Set<string>} */
  const out = new Set();
  proxy.transitions();
  // So late that even a death that only probes notice is noticed before the end.
  while (performance.now() < endMs && (victims < MOST_VICTIMS || dead.size > 0)) {
    const mayKill = performance.now() < endMs - 10_000 && victims < MOST_VICTIMS;
    if (mayKill && dead.size + out.size < atOnce) {
      const n = (victims * STRIDE) % size;
      victims += 1;
      dead.set(`b${n}`, { n, killedMs: await fleet.kill(n) });
    }
    await sleep(POLL_MS);
    for (const { backend, to, time } of proxy.transitions()) {
      if (to === 'up') out.delete(backend);
      else out.add(backend);
      const victim = dead.get(backend);
      if (victim === undefined || (to !== 'down' && to !== 'ejected')) continue;
      times.push(Math.max(0, time - victim.killedMs));
      dead.delete(backend);
      await fleet.revive(victim.n);
    }
    if (!mayKill && dead.size === 0) break;
  }
  const { requests, failed, failures } = await traffic.stop();
  times.sort((a, b) => a - b);
  const found = times.length;
  const middle = times[Math.floor(found / 2)] ?? null;
  return {
    victims: found + dead.size,
    found,
    p50Ms: middle,
    maxMs: times.at(-1) ?? null,
    requests,
    failed,
    failures,
    missed: [...dead.keys()],
  };
}
