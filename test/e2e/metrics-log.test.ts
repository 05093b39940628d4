/** What a request leaves behind: its line in the log with the reasons, no secret anywhere, and the trace that it is part of. */

import { connect as connectHttp2 } from 'node:http2';
import { expect, it, onTestFinished, vi } from 'vitest';
import { scrape } from '../support/metrics.ts';
import { freePort, startBackendProcess, startProxyProcess } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { rawExchange } from '../support/raw-client.ts';
import { type RecordedRequest, startRecordingBackend } from '../support/recording-backend.ts';

const CANARY = 'canary-7b1f';

interface Line {
  readonly msg: string;
  readonly target?: string;
  readonly upstream?: string;
  readonly backend?: string;
  readonly attempts?: number;
  readonly retried?: string;
  readonly detail?: string;
}

it('a request that was made again elsewhere says why, and who answered', async () => {
  const sick = await startRecordingBackend(({ connection }: RecordedRequest) =>
    connection.socket.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'),
  );
  const gone = await freePort();
  const well = await startRecordingBackend();
  const proxy = await startProxyProcess({
    log: { access: true },
    upstreams: {
      app: {
        backends: [
          { id: 'gone', url: `http://127.0.0.1:${gone}` },
          { id: 'sick', url: sick.url },
          { id: 'well', url: well.url },
        ],
        balance: 'first',
        ...{ probe: false, outliers: false },
      },
    },
  });
  await rawExchange(proxy.port, 'GET /report HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  const line = await proxy.watch.until(
    () => linesOf(proxy.lines).find(({ target }) => target === '/report') ?? null,
    () => proxy.lines.join('\n'),
  );
  expect(line).toMatchObject({
    ...{ msg: 'request', status: 200, upstream: 'app', backend: 'well', attempts: 3 },
    retried: 'gone: connect_refused, sick: http_gateway',
  });
  expect(line).not.toHaveProperty('detail');
});

it('secrets of the configuration and of requests are in no log line and in no metric', async () => {
  for (const name of ['ADMIN', 'BEAT', 'STICKY']) vi.stubEnv(`TEST_${name}`, `${CANARY}-${name.toLowerCase()}`);
  const backend = await startBackendProcess('a');
  const receiver = await freePort();
  const proxy = await startProxyProcess({
    log: { access: true, level: 'debug' },
    admin: { bind: '127.0.0.1:0', token: '${env:TEST_ADMIN}' },
    heartbeats: {
      bind: `127.0.0.1:${receiver}`,
      keys: [{ id: 'fleet', secret: '${env:TEST_BEAT}', upstreams: ['app'] }],
    },
    upstreams: {
      app: {
        backends: [{ id: 'a', url: `http://127.0.0.1:${backend.port}` }],
        sticky: { cookie: 'session', secret: '${env:TEST_STICKY}' },
      },
    },
  });
  const secret = `${CANARY}-request`;
  const head = [
    `GET /private?access_token=${secret}&page=2&api_key=${secret};sig=${secret}&X-Amz-Signature=${secret} HTTP/1.1`,
    ...[
      'host: a',
      `authorization: Bearer ${secret}`,
      `cookie: session=${secret}`,
      `proxy-authorization: Basic ${secret}`,
    ],
    ...[`x-api-key: ${secret}`, `referer: http://a/?token=${secret}`, 'connection: close'],
  ];
  await rawExchange(proxy.port, `${head.join('\r\n')}\r\n\r\n`);
  await rawExchange(proxy.port, `GET /broken HTTP/1.1\r\nhost: a\r\nauthorization : ${secret}\r\n\r\n`);
  await fetch(`http://127.0.0.1:${receiver}/v1/heartbeats/app/a`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-pulsegate-key': 'fleet',
      'x-pulsegate-signature': `sha256=${secret}`,
    },
    body: JSON.stringify({ boot: secret, seq: 1 }),
  });
  await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`, { headers: { authorization: `Bearer ${secret}` } });
  const url = `http://127.0.0.1:${proxy.adminPort}`;
  const page = await scrape(url, `${CANARY}-admin`);
  const line = await proxy.watch.until(
    () => linesOf(proxy.lines).find(({ target }) => target?.startsWith('/private')) ?? null,
    () => proxy.lines.join('\n'),
  );
  expect(line.target).toBe('/private?access_token=…&page=2&api_key=…;sig=…&X-Amz-Signature=…');
  expect(page.sum('pulsegate_heartbeats_total', 'result="bad_signature"')).toBe(1);
  expect(page.text).not.toContain(CANARY);
  proxy.kill('SIGTERM');
  await proxy.exited;
  expect(proxy.lines.length).toBeGreaterThan(4);
  expect(proxy.lines.join('\n')).not.toContain(CANARY);
});

const TRACE = [
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
  ['tracestate', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
  ['baggage', 'userId=alice,serverNode=DF%2028'],
] as const;

it('a trace passes through as it came, over HTTP/1 and HTTP/2', async () => {
  const backend = await startRecordingBackend();
  const { port } = await startProxy({ backends: [backend.url], listener: { cleartext_http2: true } });
  const lines = TRACE.map(([name, value]) => `${name}: ${value}`);
  // What looks wrong is not ours to mend, and two lines stay two.
  const odd = ['traceparent: not-a-trace', 'tracestate: a=1', 'tracestate: b=2'];
  for (const trace of [lines, odd]) {
    await rawExchange(port, `GET /1 HTTP/1.1\r\nhost: a\r\n${trace.join('\r\n')}\r\nconnection: close\r\n\r\n`);
    expect(traceIn(backend.requests.at(-1))).toEqual(trace);
  }
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  onTestFinished(() => client.destroy());
  await new Promise<void>((resolve, reject) => {
    const stream = client.request({ ':path': '/2', ...Object.fromEntries(TRACE) });
    stream.on('error', reject).on('end', resolve).resume().end();
  });
  expect(traceIn(backend.requests.at(-1))).toEqual(lines);
});

function traceIn(request: RecordedRequest | undefined): string[] {
  const received = request?.connection.received ?? '';
  const head = received.slice(received.lastIndexOf('GET /'));
  return head.split('\r\n').filter((line) => /^(trace(parent|state)|baggage):/i.test(line));
}

function linesOf(lines: readonly string[]): Line[] {
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);
}
