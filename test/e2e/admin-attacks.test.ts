/**
 * Attacks against the admin address of a whole program, some hundreds of requests: DNS rebinding, forged requests of browsers, other
 * methods and paths, and everything but the token. None changes anything, none learns anything.
 */

import { describe, expect, test, vi } from 'vitest';
import {
  CHANGES,
  CREDENTIALS,
  DISGUISES,
  FORGERY,
  READS,
  REBINDING,
  type Target,
  type Trick,
} from '../support/admin-tricks.ts';
import { type ProxyProcess, startBackendProcess, startProxyProcess } from '../support/processes.ts';
import { rawExchange } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

vi.setConfig({ testTimeout: 60_000 });

const TOKEN = 'correct-horse-battery';

/** Only an answer to a read holds it: the id of a backend. */
const TELLTALE = 'telltale-of-the-pool';

async function startVictim(token: string | null): Promise<ProxyProcess> {
  const backends = await Promise.all(['a', 'b'].map((id) => startBackendProcess(id)));
  return startProxyProcess({
    admin: { bind: '127.0.0.1:0', token },
    upstreams: {
      app: {
        backends: [
          ...backends.map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
          { id: TELLTALE, url: 'http://127.0.0.1:9', priority: 1 },
        ],
        probe: { interval: '1h' },
      },
    },
  });
}

/** What an attack would have changed. */
async function stateOf({ adminPort }: ProxyProcess, token: string | null): Promise<object> {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${adminPort}/health`, { headers });
  const health = (await answer.json()) as {
    generation: number;
    upstreams: { app: { backends: { id: string; status: string; weight: number }[] } };
  };
  const backends = health.upstreams.app.backends.filter(({ id }) => id !== TELLTALE);
  return {
    generation: health.generation,
    backends: backends.map(({ id, status, weight }) => ({
      id,
      weight,
      isIn: !['draining', 'disabled'].includes(status),
    })),
  };
}

const UNTOUCHED = {
  generation: 1,
  backends: ['a', 'b'].map((id) => ({ id, weight: 1, isIn: true })),
};

interface Sent {
  readonly request: string;
  /** null = closed without an answer. */
  readonly status: number | null;
  readonly received: string;
}

async function send(proxy: ProxyProcess, line: string, { headers, body = '' }: Omit<Trick, 'name'>): Promise<Sent> {
  const fill = (text: string) => text.replaceAll('PORT', String(proxy.adminPort)).replaceAll('TOKEN', TOKEN);
  const framing = body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  const head = [`${line} HTTP/1.1`, ...headers, ...framing, 'connection: close'].map(fill).join('\r\n');
  const { received } = await rawExchange(proxy.adminPort, `${head}\r\n\r\n${body}`);
  const status = /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1];
  return { request: head, status: status === undefined ? null : Number(status), received };
}

/** Refused, in the API's own words or by silence. */
function expectRefused(sent: readonly Sent[]): void {
  const succeeded = sent.filter(({ status }) => status !== null && (status < 400 || status > 499));
  expect(succeeded.map(({ request, status }) => `${status} to ${JSON.stringify(request)}`)).toEqual([]);
  const told = sent.filter(({ received }) => received.includes(TELLTALE) || received.includes('access-control-'));
  expect(told.map(({ request }) => request)).toEqual([]);
}

const withBody = ({ body }: Target, trick: Trick): Trick => ({ ...trick, body: trick.body ?? body });

describe('without a token', () => {
  test('the requests that the tricks are put around succeed, so that a trick could', async () => {
    const proxy = await startVictim(null);
    for (const path of READS.slice(0, -1)) {
      const { status, received } = await send(proxy, `GET ${path}`, { headers: ['host: localhost'] });
      expect({ path, status }).toEqual({ path, status: 200 });
      if (!/^\/(health\/app\/a|events.*)$/.test(path)) expect(received, path).toContain(TELLTALE);
    }
    for (const { method, path, body } of CHANGES) {
      const headers = ['host: 127.0.0.1:PORT', 'content-type: application/json'];
      const { status } = await send(proxy, `${method} ${path}`, { headers, body });
      expect({ path, status }).toEqual({ path, status: 200 });
    }
    expect(await stateOf(proxy, null)).not.toEqual(UNTOUCHED);
  });

  test('no re-pointed name and no forged request changes anything [F138]', async () => {
    const proxy = await startVictim(null);
    const sent: Sent[] = [];
    for (const target of CHANGES) {
      for (const trick of [...REBINDING, ...FORGERY]) {
        sent.push(await send(proxy, `${target.method} ${target.path}`, withBody(target, trick)));
      }
    }
    expect(sent.length).toBeGreaterThanOrEqual(200);
    expectRefused(sent);
    expect(await stateOf(proxy, null)).toEqual(UNTOUCHED);
  });

  test('no re-pointed name and no foreign origin reads anything [F138]', async () => {
    const proxy = await startVictim(null);
    const sent: Sent[] = [];
    // Reads of a form are what a link does: it may, but nobody else's script sees the answer.
    const foreign = FORGERY.filter(({ name }) => !name.startsWith('a form'));
    for (const path of READS)
      for (const trick of [...REBINDING, ...foreign]) sent.push(await send(proxy, `GET ${path}`, trick));
    expectRefused(sent);
  });

  test('no other method and no other path reaches a change [F138]', async () => {
    const proxy = await startVictim(null);
    const headers = ['host: 127.0.0.1:PORT', 'content-type: application/json'];
    const sent: Sent[] = [];
    for (const line of DISGUISES) {
      sent.push(await send(proxy, line, { headers, body: '{"weight":9}' }));
      sent.push(await send(proxy, line, { headers: [...headers, 'x-http-method-override: POST'] }));
    }
    // The page is at /, whatever follows `?`: not for a POST, though.
    expectRefused(sent);
    expect(await stateOf(proxy, null)).toEqual(UNTOUCHED);
  });

  test('a preflight is refused, so that no browser sends what must ask first', async () => {
    const proxy = await startVictim(null);
    for (const { method, path } of CHANGES) {
      const asks = ['access-control-request-headers: content-type', 'access-control-request-private-network: true'];
      const headers = ['host: 127.0.0.1:PORT', 'origin: https://evil.example', ...asks];
      expectRefused([
        await send(proxy, `OPTIONS ${path}`, { headers: [...headers, `access-control-request-method: ${method}`] }),
      ]);
    }
  });

  test('every refused change is in the log with who, what and how it went [F145]', async () => {
    const proxy = await startVictim(null);
    for (const { method, path, body } of CHANGES)
      await send(proxy, `${method} ${path}`, { headers: ['host: evil'], body });
    const audits = () =>
      proxy.lines.filter((line) => line.includes('"audit":true')).map((line) => JSON.parse(line) as object);
    await proxy.watch.until(
      () => audits().length >= CHANGES.length || null,
      () => `only ${JSON.stringify(audits())}`,
    );
    expect(audits()).toMatchObject(
      CHANGES.map(({ method, path }) => ({
        method,
        path,
        status: 421,
        by: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      })),
    );
  });
});

describe('with a token', () => {
  test('nothing but the token reads or changes anything [F139]', async () => {
    const proxy = await startVictim(TOKEN);
    const sent: Sent[] = [];
    for (const trick of CREDENTIALS) {
      for (const path of READS) sent.push(await send(proxy, `GET ${path}`, trick));
      sent.push(await send(proxy, 'GET /health?token=TOKEN&access_token=TOKEN', trick));
      for (const target of CHANGES) {
        const json = { ...trick, headers: [...trick.headers, 'content-type: application/json'] };
        sent.push(await send(proxy, `${target.method} ${target.path}`, withBody(target, json)));
      }
    }
    expect(sent.length).toBeGreaterThanOrEqual(200);
    expectRefused(sent);
    expect(await stateOf(proxy, TOKEN)).toEqual(UNTOUCHED);
    // The token is written by nobody, refused or not.
    expect(proxy.lines.join('\n')).not.toContain(TOKEN);
  });

  test('a browser that has the token still changes nothing from elsewhere [F138]', async () => {
    const proxy = await startVictim(TOKEN);
    const sent: Sent[] = [];
    for (const target of CHANGES) {
      for (const trick of [...REBINDING, ...FORGERY]) {
        const headers = [...trick.headers, 'authorization: Bearer TOKEN'];
        sent.push(await send(proxy, `${target.method} ${target.path}`, withBody(target, { ...trick, headers })));
      }
    }
    expectRefused(sent);
    expect(await stateOf(proxy, TOKEN)).toEqual(UNTOUCHED);
  });

  test('what needs no token tells nothing', async () => {
    const proxy = await startVictim(TOKEN);
    for (const path of ['/livez', '/readyz', '/', '/app.js', '/app.css']) {
      const { status, received } = await send(proxy, `GET ${path}`, { headers: ['host: localhost'] });
      expect({ path, status }).toEqual({ path, status: 200 });
      expect(received).not.toContain(TELLTALE);
      expect(received).toMatch(/\r\nx-content-type-options: nosniff\r\n/i);
    }
  });
});

test("the data port knows no admin paths: they are the backends' [F144]", async () => {
  const backend = await startRecordingBackend();
  const proxy = await startProxyProcess({ upstreams: { app: { backends: [backend.url], probe: false } } });
  const paths = [...READS, '/livez', '/readyz', '/', ...CHANGES.map(({ path }) => path)];
  for (const path of paths) {
    const { received } = await rawExchange(
      proxy.port,
      `GET ${path} HTTP/1.1\r\nHost: localhost:${proxy.adminPort}\r\nConnection: close\r\n\r\n`,
    );
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
  }
  expect(backend.requests.map(({ startLine }) => startLine.split(' ')[1])).toEqual(paths);
});
