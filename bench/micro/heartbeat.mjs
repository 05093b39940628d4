/**
 * Signed heartbeats that the receiver takes in a second, over HTTP keep-alive, in batches, and as datagrams; messages are
 * signed beforehand. The sender runs in this process and the receiver in a child, whose CPU time is the figure: heartbeats
 * per second of one core. `node bench/micro/heartbeat.mjs` takes a few seconds.
 */

import { fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const KEY = { id: 'bench', secret: 'a secret of the benchmark', upstreams: ['app'] };
const BACKENDS = 2_000;
const CONNECTIONS = 32;
const MESSAGES = 40_000;
const BATCH = 500;
// Few enough that no two batches under way name the same backend: the later could overtake the earlier.
const BATCH_CONNECTIONS = 2;
const DATAGRAMS_IN_FLIGHT = 200;

if (process.argv[2] === 'receiver') await receive();
else await main();

/** The child: counts heartbeats, and tells its count and CPU time when asked. */
async function receive() {
  const { startHeartbeatReceiver } = await import('../../dist/control/heartbeat-receiver.js');
  const { systemClock } = await import('../../dist/platform/clock.js');
  let taken = 0;
  const view = {
    state: 'up',
    effectiveWeight: 1,
    inFlight: 0,
    nextInMs: 2_000,
    why: 'heartbeats arrive',
    commands: [],
  };
  const target = {
    heartbeat: () => {
      taken += 1;
      return view;
    },
    rejectHeartbeat: (backend, reason) => {
      throw new Error(`${backend}: ${reason}`);
    },
  };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const bind = { kind: 'tcp', host: '127.0.0.1', port: 0 };
  const settings = { bind, udp: { host: '127.0.0.1', port: 0 }, keys: [KEY] };
  const receiver = await startHeartbeatReceiver({ settings, targets: () => target, clock: systemClock, log });
  process.on('message', () => process.send({ taken, cpu: process.cpuUsage() }));
  process.on('disconnect', () => process.exit());
  process.send({ port: receiver.address.port, udpPort: receiver.udpAddress.port });
}

async function main() {
  const child = fork(fileURLToPath(import.meta.url), ['receiver']);
  const [{ port, udpPort }] = await once(child, 'message');
  const ask = async () => {
    child.send('figures');
    return (await once(child, 'message'))[0];
  };
  let seq = 0;
  const measure = async (name, prepare, send) => {
    const messages = prepare();
    const before = await ask();
    const startedMs = performance.now();
    await send(messages, ask);
    const seconds = (performance.now() - startedMs) / 1_000;
    const after = await ask();
    const taken = after.taken - before.taken;
    const cpuUs = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system;
    const figures = [`${Math.round(taken / (cpuUs / 1e6))}/s of one core`, `${(cpuUs / taken).toFixed(1)} us each`];
    console.log(
      `${name.padEnd(6)} ${taken} heartbeats: ${figures.join(', ')} (${Math.round(taken / seconds)}/s elapsed)`,
    );
  };
  const next = () => {
    const backend = `b${seq % BACKENDS}`;
    seq += 1;
    const load = { cpu_utilization: 0.3, application_utilization: 0.5, rps_fractional: 120, eps: 0.5 };
    return {
      upstream: 'app',
      backend,
      boot: '5f0c2a9e',
      seq,
      sent_at: Date.now(),
      status: 'up',
      version: '1.4.2',
      load,
    };
  };
  const warm = async (name, count) => {
    await measure(
      name,
      () => Array.from({ length: count }, () => httpRequest(next())),
      (list) => sendHttp(port, list, CONNECTIONS),
    );
  };
  await warm('warm', 5_000);
  await measure(
    'http',
    () => Array.from({ length: MESSAGES }, () => httpRequest(next())),
    (list) => sendHttp(port, list, CONNECTIONS),
  );
  const batches = () =>
    Array.from({ length: MESSAGES / BATCH }, () => httpRequest(Array.from({ length: BATCH }, next)));
  await measure('batch', batches, (list) => sendHttp(port, list, BATCH_CONNECTIONS));
  await measure(
    'udp',
    () => Array.from({ length: MESSAGES }, () => datagram(next())),
    (list, look) => sendUdp(udpPort, list, look),
  );
  child.disconnect();
}

function sign(body) {
  return createHmac('sha256', KEY.secret).update(body).digest('hex');
}

/** One heartbeat, or a batch of them. */
function httpRequest(value) {
  const body = JSON.stringify(value);
  const path = Array.isArray(value) ? '/v1/heartbeats' : `/v1/heartbeats/app/${value.backend}`;
  return (
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n` +
    `x-pulsegate-key: ${KEY.id}\r\nx-pulsegate-signature: sha256=${sign(body)}\r\n\r\n${body}`
  );
}

function datagram(value) {
  const body = JSON.stringify(value);
  return Buffer.from(`${KEY.id} ${sign(body)} ${body}`);
}

/** One request at a time on each connection, as senders do. */
async function sendHttp(port, requests, connections) {
  let index = 0;
  const run = async () => {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    let pending = '';
    await new Promise((resolve, reject) => {
      const send = () => (index < requests.length ? socket.write(requests[index++]) : resolve());
      socket.on('error', reject);
      socket.on('connect', send);
      socket.on('data', (chunk) => {
        pending += chunk.toString('latin1');
        const end = pending.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!pending.startsWith('HTTP/1.1 200')) reject(new Error(pending));
        const length = Number(/content-length: (\d+)/i.exec(pending)[1]);
        if (pending.length < end + 4 + length) return;
        if (pending.includes('"accepted":false')) reject(new Error(pending.slice(0, 500)));
        pending = '';
        send();
      });
    });
    socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, run));
}

/** In rounds that the receiver confirms, so that its buffer never overflows. */
async function sendUdp(port, datagrams, ask) {
  const socket = createSocket('udp4');
  const first = (await ask()).taken;
  for (let sent = 0; sent < datagrams.length; sent += DATAGRAMS_IN_FLIGHT) {
    const round = datagrams.slice(sent, sent + DATAGRAMS_IN_FLIGHT);
    await Promise.all(round.map((message) => new Promise((done) => socket.send(message, port, '127.0.0.1', done))));
    while ((await ask()).taken - first < sent + round.length);
  }
  socket.close();
}
