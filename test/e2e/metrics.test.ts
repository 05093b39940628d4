/** What `GET /metrics` says of a running proxy, and that nothing a client sends makes it longer. */

import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { scrape, scrapeUntil } from '../support/metrics.ts';
import { freePort } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { listen, type RecordedRequest, startRecordingBackend } from '../support/recording-backend.ts';
import { startReloading } from '../support/reloading.ts';

/** Requests with a host and a path that nobody had before. A million by hand. */
const DISTINCT = Number(process.env.PULSEGATE_DISTINCT ?? 4_000);
const CONNECTIONS = 4;
const BATCH = 500;

function answerWith(status: string) {
  return ({ connection }: RecordedRequest) =>
    connection.socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
}

async function get(port: number, path: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  await answer.arrayBuffer();
  return answer.status;
}

describe('requests', () => {
  it('are counted by class where they came in and where they went', async () => {
    const backend = await startRecordingBackend();
    const proxy = await startReloading({
      listeners: [{ name: 'public', bind: '127.0.0.1:0', routes: [{ path: '/app/', upstream: 'app' }] }],
      upstreams: { app: { backends: [{ id: 'a', url: backend.url }], probe: false } },
    });
    const [port] = proxy.ports as [number];
    for (let i = 0; i < 3; i++) expect(await get(port, '/app/x')).toBe(200);
    expect(await get(port, '/elsewhere')).toBe(404);
    const client = await connectRaw(port);
    client.send('GET / HTTP/1.1\r\nhost: a b\r\n\r\n');
    await client.ended();
    const of = (upstream: string, codeClass: string) =>
      `pulsegate_requests_total{listener="public",upstream="${upstream}",code_class="${codeClass}"}`;
    const page = await scrapeUntil(proxy.adminUrl, ({ of: value }) => value(of('', '4xx')) === 2);
    expect(page.of(of('app', '2xx'))).toBe(3);
    expect(page.of(of('app', '5xx'))).toBe(0);
    expect(page.of('pulsegate_request_duration_seconds_count{upstream="app"}')).toBe(3);
    expect(page.of('pulsegate_request_duration_seconds_sum{upstream="app"}')).toBeGreaterThan(0);
    expect(page.of('pulsegate_attempts_total{upstream="app",backend="a",outcome="ok"}')).toBe(3);
    expect(page.of('pulsegate_connections_accepted_total{listener="public"}')).toBe(5);
  });

  it('made again elsewhere are counted as what they became, and attempts as what they were', async () => {
    const sick = await startRecordingBackend(answerWith('503 Service Unavailable'));
    const well = await startRecordingBackend();
    const { port, adminPort } = await startProxy({
      backends: [sick.url, well.url],
      upstream: { balance: 'round_robin' },
      admin: true,
    });
    for (let i = 0; i < 10; i++) expect(await get(port, '/')).toBe(200);
    const page = await scrapeUntil(
      `http://127.0.0.1:${adminPort}`,
      ({ sum }) => sum('pulsegate_requests_total', 'code_class="2xx"') === 10,
    );
    const failed = page.sum('pulsegate_attempts_total', 'outcome="http_gateway"');
    expect(failed).toBe(sick.requests.length);
    expect(failed).toBeGreaterThan(0);
    expect(page.sum('pulsegate_retries_total', 'result="success"')).toBe(failed);
    expect(page.sum('pulsegate_attempts_total')).toBe(10 + failed);
    expect(page.sum('pulsegate_requests_total', 'code_class="5xx"')).toBe(0);
  });

  it.each([
    ['failure', { attempts: 1 }],
    ['denied', { attempts: 1, budget: '0%', min_per_second: 0 }],
  ])('whose retries are of no use count as a %s', async (result, retry) => {
    const backends = await Promise.all([1, 2].map(() => startRecordingBackend(answerWith('502 Bad Gateway'))));
    const { port, adminPort } = await startProxy({
      backends: backends.map(({ url }) => url),
      upstream: { retry },
      admin: true,
    });
    for (let i = 0; i < 3; i++) expect(await get(port, '/')).toBe(502);
    const page = await scrapeUntil(
      `http://127.0.0.1:${adminPort}`,
      ({ sum }) => sum('pulsegate_requests_total', 'code_class="5xx"') === 3,
    );
    expect(page.sum('pulsegate_retries_total', `result="${result}"`)).toBe(3);
    expect(page.sum('pulsegate_retries_total')).toBe(3);
  });

  it('hedged are told by which attempt was of use', async () => {
    const slow = await startRecordingBackend(() => {});
    const fast = await startRecordingBackend();
    const { port, adminPort } = await startProxy({
      backends: [slow.url, fast.url],
      upstream: { balance: 'first', retry: { hedge: { after: '20ms', budget: '100%' } } },
      admin: true,
    });
    expect(await get(port, '/')).toBe(200);
    const page = await scrapeUntil(
      `http://127.0.0.1:${adminPort}`,
      ({ sum }) => sum('pulsegate_attempts_total', 'outcome="superseded"') === 1,
    );
    expect(page.sum('pulsegate_hedges_total', 'result="won"')).toBe(1);
    expect(page.sum('pulsegate_hedges_total')).toBe(1);
  });

  it('left by their client count as none', async () => {
    const backend = await startRecordingBackend(() => {});
    const { port, adminPort } = await startProxy({ backends: [backend.url], admin: true });
    const url = `http://127.0.0.1:${adminPort}`;
    const client = await connectRaw(port);
    client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await backend.watch.until(
      () => backend.requests.length === 1 || null,
      () => 'no request',
    );
    const open = await scrape(url);
    expect(open.sum('pulsegate_backend_in_flight')).toBe(1);
    expect(open.sum('pulsegate_connections')).toBe(1);
    client.reset();
    const page = await scrapeUntil(url, ({ sum }) => sum('pulsegate_requests_total', 'code_class="none"') === 1);
    expect(page.sum('pulsegate_attempts_total', 'outcome="client_abort"')).toBe(1);
    expect(page.sum('pulsegate_backend_in_flight')).toBe(0);
    expect(page.sum('pulsegate_connections')).toBe(0);
  });
});

it('connections above the limit are counted', async () => {
  const backend = await startRecordingBackend();
  const { port, adminPort } = await startProxy({
    backends: [backend.url],
    listener: { limits: { connections: 2 } },
    admin: true,
  });
  const clients = [await connectRaw(port), await connectRaw(port)];
  for (const client of clients) {
    client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await client.next();
  }
  await (await connectRaw(port)).ended();
  const page = await scrapeUntil(
    `http://127.0.0.1:${adminPort}`,
    ({ sum }) => sum('pulsegate_connections_refused_total') === 1,
  );
  expect(page.sum('pulsegate_connections_accepted_total')).toBe(3);
  expect(page.sum('pulsegate_connections')).toBe(2);
});

it('tunnels of a tcp listener are counted by how they ended', async () => {
  const echo = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  const echoPort = await listen(echo);
  onTestFinished(() => void echo.close());
  const { port, adminPort } = await startProxy({
    backends: [`http://127.0.0.1:${echoPort}`],
    listener: { protocol: 'tcp' },
    admin: true,
  });
  const client = await connectRaw(port);
  client.send('hello');
  await client.until((received) => received === 'hello');
  client.end();
  await client.ended();
  const page = await scrapeUntil(`http://127.0.0.1:${adminPort}`, ({ sum }) => sum('pulsegate_tunnels_total') === 1);
  expect(page.sum('pulsegate_tunnels_total', 'result="closed"')).toBe(1);
  expect(page.sum('pulsegate_attempts_total', 'outcome="ok"')).toBe(1);
});

it('counters go on over a reload, and reloads are counted', async () => {
  const backend = await startRecordingBackend();
  const app = { backends: [{ id: 'a', url: backend.url }], probe: false };
  const listeners = [{ name: 'public', bind: '127.0.0.1:0', routes: [{ upstream: 'app' }] }];
  const proxy = await startReloading({ listeners, upstreams: { app } });
  expect((await proxy.get('/')).status).toBe(200);
  const other = { ...app, balance: 'round_robin' };
  expect(await proxy.reload({ upstreams: { other, app: other } })).toMatchObject({ ok: true });
  expect(await proxy.reload({ upstreams: { app: { backends: [] } } })).toMatchObject({ ok: false });
  expect((await proxy.get('/')).status).toBe(200);
  const two = 'pulsegate_requests_total{listener="public",upstream="app",code_class="2xx"}';
  const page = await scrapeUntil(proxy.adminUrl, ({ of }) => of(two) === 2);
  expect(page.of('pulsegate_attempts_total{upstream="app",backend="a",outcome="ok"}')).toBe(2);
  expect(page.of('pulsegate_config_generation')).toBe(2);
  expect(page.of('pulsegate_config_reloads_total{result="ok"}')).toBe(1);
  expect(page.of('pulsegate_config_reloads_total{result="failed"}')).toBe(1);
});

describe('what clients send', () => {
  it(`makes no series: ${DISTINCT} hosts and paths [F143]`, async () => {
    const backend = createServer((socket) => answerEach(socket));
    const backendPort = await listen(backend);
    onTestFinished(() => void backend.close());
    const proxy = await startReloading({
      listeners: [{ name: 'public', bind: '127.0.0.1:0', routes: [{ path: '/known/', upstream: 'app' }] }],
      upstreams: { app: { backends: [{ id: 'a', url: `http://127.0.0.1:${backendPort}` }], probe: false } },
    });
    const [port] = proxy.ports as [number];
    expect(await get(port, '/known/')).toBe(200);
    expect(await get(port, '/unknown')).toBe(404);
    const warm = await scrapeUntil(proxy.adminUrl, ({ sum }) => sum('pulsegate_requests_total') === 2);
    const each = Math.floor(DISTINCT / CONNECTIONS);
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => sendDistinct(port, i * each, each)));
    const page = await scrapeUntil(
      proxy.adminUrl,
      ({ sum }) => sum('pulsegate_requests_total') === 2 + each * CONNECTIONS,
    );
    expect([...page.series.keys()]).toEqual([...warm.series.keys()]);
    expect(page.sum('pulsegate_requests_total', 'upstream="app"')).toBe(1 + (each * CONNECTIONS) / 2);
  }, 1_200_000);

  it('makes no series by heartbeats for backends that do not exist', async () => {
    const receiver = await freePort();
    const proxy = await startReloading({
      heartbeats: { bind: `127.0.0.1:${receiver}` },
      upstreams: { app: { backends: [{ id: 'a', url: 'http://127.0.0.1:1' }], probe: false } },
    });
    const warm = await scrape(proxy.adminUrl);
    for (let i = 0; i < 50; i++) await beat(receiver, `app/stranger-${i}`);
    for (let i = 0; i < 50; i++) await beat(receiver, `up-${i}/a`);
    const page = await scrape(proxy.adminUrl);
    expect([...page.series.keys()]).toEqual([...warm.series.keys()]);
    expect(page.of('pulsegate_heartbeats_unattributed_total{upstream="app"}')).toBe(50);
    expect(page.of('pulsegate_heartbeats_unattributed_total{upstream=""}')).toBe(50);
  });

  it('to the data port is forwarded, also when it asks for metrics', async () => {
    const backend = await startRecordingBackend();
    const { port } = await startProxy({ backends: [backend.url], admin: true });
    for (const path of ['/metrics', '/health', '/events']) {
      expect(await (await fetch(`http://127.0.0.1:${port}${path}`)).text()).toBe(`GET ${path}`);
    }
  });
});

async function beat(port: number, target: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/heartbeats/${target}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ boot: 'x', seq: 1 }),
  });
  expect(answer.status).toBe(404);
}

/** Answers every request on a connection with one byte. */
function answerEach(socket: Socket): void {
  let partial = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const heads = (partial + chunk.toString('latin1')).split('\r\n\r\n');
    partial = heads.pop() as string;
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n~'.repeat(heads.length));
  });
}

/** Requests of which every second one has a route, each with a host, a path and a parameter of its own. */
function sendDistinct(port: number, first: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    const socket = connect(port, '127.0.0.1', () => sendMore());
    const sendMore = () => {
      let text = '';
      for (let n = 0; n < BATCH && sent < count; n++, sent++) {
        const id = first + sent;
        const path = id % 2 === 0 ? `/known/${id}` : `/${id}`;
        text += `GET ${path}?q=${id} HTTP/1.1\r\nhost: h${id}.example\r\nx-forwarded-for: 10.0.0.${id % 256}\r\n\r\n`;
      }
      socket.write(text, 'latin1');
    };
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answered += text.split(/[~}]/).length - 1;
      if (answered === count) {
        socket.destroy();
        resolve();
      } else if (answered === sent) {
        sendMore();
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${answered} of ${count} answers`)));
  });
}
