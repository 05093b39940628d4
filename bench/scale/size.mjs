/** One size of fleet, from the start of its processes to their end: every measurement of it, one after the other. */

import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PROXY_CPU } from '../lib/backends.mjs';
import { freePorts, pinned, residentKib } from '../lib/process.mjs';
import { measureDetection } from './detection.mjs';
import { startFleet } from './fleet.mjs';
import { summariseProfile } from './profile.mjs';
import { startProxy } from './proxy.mjs';
import { KEY, sendHeartbeats } from './senders.mjs';
import { startTraffic } from './traffic.mjs';

/** After the start, until all have passed twice and garbage of the start is gone. */
const SETTLE_MS = 6_000;
const DETECTION_SECONDS = 25;
/** A sender is asked for one every two seconds; small fleets send more, so that there is something to measure. */
const HEARTBEATS_PER_BACKEND = 0.5;
const LEAST_HEARTBEATS = 400;
/** Of one backend, the receiver takes 50 a second. */
const MOST_PER_BACKEND = 25;

/** What a size takes: fleet, start, probes alone, traffic, deaths, three ways of heartbeats, and the parts by themselves. */
export function secondsFor(/** @type {number} */ size, /** @type {{ seconds: number }} */ { seconds }) {
  return 10 + size / 300 + SETTLE_MS / 1_000 + 6 * (seconds + 1) + DETECTION_SECONDS;
}

/**
 * @param {number} size
 * @param {{ seconds: number, rate: number, node: string, folder: string, profileSeconds: number, say(text: string): void }} options
 */
export async function measureSize(size, { seconds, rate, node, folder, profileSeconds, say }) {
  const parts = measureParts(size, node);
  const fleet = await startFleet(size);
  const [heartbeatPort = 0, udpPort = 0] = await freePorts(2);
  const config = {
    listeners: [{ name: 'public', bind: '127.0.0.1:0' }],
    admin: { bind: '127.0.0.1:0' },
    log: { access: false },
    heartbeats: { bind: `127.0.0.1:${heartbeatPort}`, udp: `127.0.0.1:${udpPort}`, keys: [KEY] },
    upstreams: { app: { backends: fleet.backends } },
  };
  const startedMs = performance.now();
  const startedAtMs = Date.now();
  const proxy = await startProxy(config, { folder, node, cpu: PROXY_CPU });
  const start = {
    readyMs: performance.now() - startedMs,
    ...(await waitForAll(proxy, size, startedAtMs)),
    cpuMs: proxy.cpuUs() / 1e3,
  };
  await sleep(SETTLE_MS);

  /** CPU and lateness of the proxy while something goes on. @param {() => Promise<any>} action */
  const during = async (action) => {
    await proxy.reset();
    const before = { us: proxy.cpuUs(), ms: performance.now(), counts: await fleet.counts() };
    const outcome = await action();
    const lag = await proxy.glance();
    const elapsedSeconds = (performance.now() - before.ms) / 1_000;
    const counts = await fleet.counts();
    return {
      outcome,
      cpuUs: proxy.cpuUs() - before.us,
      elapsedSeconds,
      requests: counts.requests - before.counts.requests,
      connections: counts.connections - before.counts.connections,
      lagP99Ms: lag.p99Ms,
      lagMaxMs: lag.maxMs,
    };
  };

  const quiet = await during(() => sleep(seconds * 1_000));
  const idleUsPerSecond = quiet.cpuUs / quiet.elapsedSeconds;
  const probing = {
    perSecond: quiet.requests / quiet.elapsedSeconds,
    newConnectionShare: quiet.connections / Math.max(1, quiet.requests),
    cpuPercent: idleUsPerSecond / 1e4,
    usPerProbe: quiet.cpuUs / Math.max(1, quiet.requests),
    usPerBackendSecond: idleUsPerSecond / size,
    lagP99Ms: quiet.lagP99Ms,
    lagMaxMs: quiet.lagMaxMs,
  };
  say(`  probes: ${probing.perSecond.toFixed(0)}/s, ${probing.cpuPercent.toFixed(1)} % of a core`);
  const inside = await proxy.figures();
  const memory = { residentMib: residentKib(proxy.pid) / 1_024, heapMib: inside.heapUsed / 2 ** 20 };

  const busy = await during(async () => {
    const traffic = startTraffic(proxy.ports.public ?? 0, rate);
    await sleep(seconds * 1_000);
    return traffic.stop();
  });
  const { outcome, cpuUs, elapsedSeconds, lagP99Ms, lagMaxMs } = busy;
  const traffic = {
    ...outcome,
    usEach: (cpuUs - idleUsPerSecond * elapsedSeconds) / outcome.requests,
    lagP99Ms,
    lagMaxMs,
  };
  say(`  traffic: p50 ${outcome.p50Ms.toFixed(1)} ms, p99 ${outcome.p99Ms.toFixed(1)} ms, ${outcome.failed} failed`);

  const deaths = await during(() => measureDetection({ proxy, fleet, size, rate, seconds: DETECTION_SECONDS }));
  const detection = { ...deaths.outcome, lagP99Ms: deaths.lagP99Ms, lagMaxMs: deaths.lagMaxMs };
  say(
    `  deaths: ${detection.found} of ${detection.victims} found, p50 ${detection.p50Ms?.toFixed(0)} ms, ${detection.failed} requests failed`,
  );

  const profile = profileSeconds === 0 ? null : await takeProfile(proxy, rate, profileSeconds);

  // Last: a backend whose heartbeats have ended is suspect.
  /** @type {Record<string, object>} */
  const heartbeats = {};
  const perSecond = Math.min(Math.max(LEAST_HEARTBEATS, size * HEARTBEATS_PER_BACKEND), size * MOST_PER_BACKEND);
  for (const way of /** @type {const} */ (['batch', 'http', 'udp'])) {
    const load = { port: heartbeatPort, udpPort, fleet: size, perSecond, seconds };
    const { outcome, cpuUs, elapsedSeconds, lagP99Ms, lagMaxMs } = await during(() => sendHeartbeats(way, load));
    const usEach = (cpuUs - idleUsPerSecond * elapsedSeconds) / outcome.sent;
    heartbeats[way] = {
      perSecond: outcome.sent / elapsedSeconds,
      refused: outcome.refused,
      usEach,
      lagP99Ms,
      lagMaxMs,
    };
    say(`  heartbeats, ${way}: ${(outcome.sent / elapsedSeconds).toFixed(0)}/s, ${usEach.toFixed(0)} us each`);
  }
  await proxy.stop();
  fleet.stop();
  return { figures: { backends: size, start, memory, probing, heartbeats, traffic, detection, parts }, profile };
}

/** In a process of their own. @param {number} size @param {string} node */
function measureParts(size, node) {
  const script = fileURLToPath(new URL('inner.mjs', import.meta.url));
  const [program = '', ...args] = pinned(PROXY_CPU, [node, '--expose-gc', script, String(size)]);
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' }));
}

/**
 * From the start of the process until every backend is known to be up.
 * @param {import('./proxy.mjs').Proxy} proxy @param {number} size @param {number} startedAtMs
 */
async function waitForAll(proxy, size, startedAtMs) {
  const up = new Set();
  let lastMs = 0;
  for (let tries = 0; tries < 100 + size / 100 && up.size < size; tries++) {
    await sleep(100);
    for (const { backend, to, time } of proxy.transitions()) {
      if (to !== 'up') continue;
      up.add(backend);
      lastMs = Math.max(lastMs, time);
    }
  }
  return { up: up.size, allUpMs: lastMs - startedAtMs };
}

/** Probes and traffic together. @param {import('./proxy.mjs').Proxy} proxy @param {number} rate @param {number} seconds */
async function takeProfile(proxy, rate, seconds) {
  const traffic = startTraffic(proxy.ports.public ?? 0, rate);
  const profile = await proxy.profile(seconds * 1_000);
  await traffic.stop();
  return summariseProfile(profile);
}
