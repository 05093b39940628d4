/**
 * One soak from its start to its end: brings up backends and proxy, lets clients, troubles and reloads loose on them, waits until all
 * is quiet, and judges. Everything that it starts ends with it.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findOnPath, freePorts } from '../lib/process.mjs';
import { startProxy } from '../scale/proxy.mjs';
import { startTraffic } from '../scale/traffic.mjs';
import { createAgent, HTTP1_CLIENTS } from './clients.mjs';
import { HTTP2_CLIENTS } from './clients-http2.mjs';
import { RAW_CLIENTS } from './clients-raw.mjs';
import { WEBSOCKET_CLIENTS } from './clients-websocket.mjs';
import { configOf } from './config.mjs';
import { createDice } from './exchange.mjs';
import { startFleet } from './fleet.mjs';
import { judgeGrowth, judgeLeaks } from './leaks.mjs';
import { Oracle } from './oracle.mjs';
import { BACKENDS, planOf } from './plan.mjs';
import { createReloader } from './reloader.mjs';
import { createSampler } from './sampler.mjs';

const THINK_MS = [10, 250];
const READY_LIMIT_MS = 15_000;
/** Below this, growth cannot be told from warming up. */
const LONG_SECONDS = 180;
/** Fills what is bounded by a number of requests (recordings), so that it does not look like a leak. */
const FLOOD_SECONDS = 30;
const FLOOD_PER_SECOND = 5_000;
const QUIET_LIMIT_MS = 30_000;
/** Reloads that were meant to be refused. */
const EXPECTED_ERRORS = /reload|configuration/i;

/**
 * @typedef {Awaited<ReturnType<typeof soak>>} Report
 * @param {{ seconds: number, seed: number, folder: string, users: number, clients: readonly string[] | null, node: string, say(text: string): void }} options
 */
export async function soak({ seconds, seed, folder, users, clients: chosen, node, say }) {
  const oracle = new Oracle();
  const fleet = await startFleet(folder, BACKENDS);
  const [port = 0, adminPort = 0, tlsPort = 0] = await freePorts(3);
  const place = { port, adminPort, tls: createCertificate(folder, tlsPort), backends: fleet.backends, folder };
  const proxy = await startProxy(configOf(0, place), { folder, node, cpu: null });
  const sampler = createSampler(proxy);
  const reloader = createReloader({
    proxy,
    adminPort,
    write: (variant) => JSON.stringify(configOf(variant, place)),
    folder,
    oracle,
  });
  await untilReady(adminPort);
  if (seconds >= LONG_SECONDS) {
    say(`warming up for ${FLOOD_SECONDS} s`);
    const flood = startTraffic(port, FLOOD_PER_SECOND);
    await sleep(FLOOD_SECONDS * 1_000);
    await flood.stop();
    // Until its connections to backends are closed again.
    await sleep(6_000);
  } else {
    await sleep(1_000);
  }
  const before = await sampler.take();

  const world = { port, tlsPort: place.tls === null ? null : tlsPort, oracle, agent: createAgent() };
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1_000;
  const clients = startClients(world, { seed, users, chosen, endMs });
  const events = carryOut(planOf(seed, seconds), { fleet, oracle, reloader, startedMs, endMs });
  const sampling = sampleUntil(endMs, sampler, fleet, oracle, seconds >= LONG_SECONDS ? 10_000 : 1_000, say);
  await Promise.race([Promise.all([clients, sampling, events]), stopped(proxy)]);
  world.agent.destroy();
  for (const [id, count] of fleet.executed()) oracle.hearExecutions(new Map([[id, count]]));

  const quiet = proxy.exited ? null : await untilQuiet(sampler, before);
  if (quiet === null) oracle.complain('the proxy ended by itself');
  for (const sentence of judgeLeaks(before, quiet, BACKENDS)) oracle.complain(sentence);
  const memory = judgeMemory(sampler, oracle, seconds);
  const isAllUp = proxy.exited ? false : await untilAllUp(adminPort);
  const code = proxy.exited ? null : await proxy.stop();
  if (code !== 0) oracle.complain(`the proxy ended with ${code} when asked to stop`);
  for (const sentence of complaintsIn(join(folder, 'pulsegate.log'))) oracle.complain(sentence);
  for (const [id, count] of fleet.executed()) oracle.hearExecutions(new Map([[id, count]]));
  oracle.close();
  fleet.stop();
  const { kinds, failures, violations, violationCount, lastId } = oracle;
  return {
    seed,
    seconds,
    requests: lastId,
    kinds,
    failures,
    troubles: (await events).done,
    timeline: (await events).timeline,
    reloads: reloader.counts,
    isAllUp,
    memory,
    before,
    quiet,
    violations,
    violationCount,
    samples: sampler.samples.map(({ resources: _, ...sample }) => sample),
  };
}

/**
 * Every kind of client, so many users of each, each acting and pausing until the end. Resolves when the last has finished.
 * @param {import('./clients.mjs').World} world @param {{ seed: number, users: number, chosen: readonly string[] | null, endMs: number }} options
 */
function startClients(world, { seed, users, chosen, endMs }) {
  const all = { ...HTTP1_CLIENTS, ...HTTP2_CLIENTS, ...RAW_CLIENTS, ...WEBSOCKET_CLIENTS };
  if (world.tlsPort === null) delete all['http2 over TLS'];
  const kinds = Object.entries(all).filter(([kind]) => chosen?.includes(kind) ?? true);
  return Promise.all(
    kinds.flatMap(([, act], kind) =>
      Array.from({ length: users }, async (_, user) => {
        const dice = createDice(seed * 1_000 + kind * 10 + user);
        while (performance.now() < endMs) {
          await act(world, dice);
          await sleep(dice.between(THINK_MS[0] ?? 0, THINK_MS[1] ?? 0));
        }
      }),
    ),
  );
}

/**
 * @param {ReturnType<typeof planOf>} plan
 * @param {{ fleet: import('./fleet.mjs').Fleet, oracle: Oracle, reloader: ReturnType<typeof createReloader>, startedMs: number, endMs: number }} given
 */
async function carryOut(plan, { fleet, oracle, reloader, startedMs, endMs }) {
  /** @type {Record<string, number>} */
  const done = {};
  /** @type {{ atSeconds: number, endedSeconds: number, trouble: string, backends: number[] }[]} */
  const timeline = [];
  /** @param {import('./plan.mjs').TroubleEvent} event */
  const trouble = async ({ trouble, backends, fromMs, toMs }) => {
    oracle.troubleBegins();
    done[trouble] = (done[trouble] ?? 0) + 1;
    const entry = { atSeconds: secondsSince(startedMs), endedSeconds: 0, trouble, backends };
    timeline.push(entry);
    for (const backend of backends) fleet.trouble(trouble, backend);
    await sleep(toMs - fromMs);
    await Promise.all(backends.map((backend) => fleet.heal(trouble, backend)));
    oracle.troubleEnds(performance.now());
    entry.endedSeconds = secondsSince(startedMs);
  };
  const reloads = plan.filter((event) => event.kind === 'reload');
  const reloading = (async () => {
    for (const { fromMs, variant, isBroken } of reloads) {
      const waitMs = startedMs + fromMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      if (performance.now() < endMs) await reloader.reload(variant, isBroken);
    }
  })();
  for (const event of plan) {
    if (event.kind !== 'trouble') continue;
    await sleep(Math.max(0, startedMs + event.fromMs - performance.now()));
    await trouble(event);
  }
  await reloading;
  return { done, timeline };
}

/**
 * @param {number} endMs @param {ReturnType<typeof createSampler>} sampler @param {import('./fleet.mjs').Fleet} fleet
 * @param {Oracle} oracle @param {number} everyMs @param {(text: string) => void} say
 */
async function sampleUntil(endMs, sampler, fleet, oracle, everyMs, say) {
  for (let n = 1; performance.now() < endMs; n++) {
    await sleep(everyMs);
    const { atSeconds, rssMib, heapMib, descriptors } = await sampler.take();
    oracle.hearExecutions(fleet.executed());
    if (everyMs < 10_000 || n % 6 !== 0) continue;
    const figures = `${rssMib.toFixed(0)} MiB resident, ${heapMib.toFixed(1)} MiB of heap, ${descriptors} descriptors`;
    say(`${atSeconds.toFixed(0)} s: ${oracle.lastId} requests, ${oracle.violationCount} violations, ${figures}`);
  }
}

/** @param {ReturnType<typeof createSampler>} sampler @param {Oracle} oracle @param {number} seconds */
function judgeMemory(sampler, oracle, seconds) {
  const { heap, rss, complaints } = judgeGrowth(sampler.samples, seconds);
  if (seconds >= LONG_SECONDS) for (const sentence of complaints) oracle.complain(sentence);
  return { heap, rss, isJudged: seconds >= LONG_SECONDS };
}

/** Descriptors, timers and sockets as they were, or the last sample when the time is over. @param {ReturnType<typeof createSampler>} sampler @param {import('./sampler.mjs').Sample} before */
async function untilQuiet(sampler, before) {
  const limitMs = performance.now() + QUIET_LIMIT_MS;
  for (;;) {
    await sleep(1_000);
    const sample = await sampler.take();
    if (judgeLeaks(before, sample, BACKENDS).length === 0 || performance.now() > limitMs) return sample;
  }
}

/** @param {number} adminPort */
async function untilReady(adminPort) {
  const limitMs = performance.now() + READY_LIMIT_MS;
  for (;;) {
    const { upstreams } = await health(adminPort);
    if (upstreams.app.available === BACKENDS) return;
    if (performance.now() > limitMs) throw new Error('the backends are not available');
    await sleep(50);
  }
}

/** Whether everybody is back in service a while after the last trouble. @param {number} adminPort */
async function untilAllUp(adminPort) {
  const limitMs = performance.now() + READY_LIMIT_MS;
  for (;;) {
    const { upstreams } = await health(adminPort);
    if (upstreams.app.available === upstreams.app.total) return true;
    if (performance.now() > limitMs) return false;
    await sleep(200);
  }
}

/** @param {number} adminPort */
async function health(adminPort) {
  return (await fetch(`http://127.0.0.1:${adminPort}/health`)).json();
}

/** @param {import('../scale/proxy.mjs').Proxy} proxy */
async function stopped(proxy) {
  while (!proxy.exited) await sleep(200);
}

/** @param {number} startedMs */
function secondsSince(startedMs) {
  return Math.round((performance.now() - startedMs) / 100) / 10;
}

/** What the proxy itself calls an error, each sentence once. @param {string} file */
function complaintsIn(file) {
  const sentences = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => /^\{"level":(5|6)0/.test(line))
    .map((line) => String(JSON.parse(line).msg))
    .filter((sentence) => !EXPECTED_ERRORS.test(sentence));
  return [...new Set(sentences)].map((sentence) => `the proxy's log: ${sentence}`);
}

/** A certificate for localhost, made by openssl; null without it. @param {string} folder @param {number} port */
function createCertificate(folder, port) {
  const openssl = findOnPath('openssl');
  if (openssl === null) return null;
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync(openssl, ['req', '-x509', ...key, '-out', certFile, '-days', '2', ...names], { stdio: 'ignore' });
  return { port, certFile, keyFile };
}
