/** What answers say of their backends besides, from the wire to the admin API. */

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BackendDetail } from '../../src/model/report.ts';
import { startProxy } from '../support/proxy.ts';

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy in front of `a`, which answers as it is told, and of `b`, which answers plainly. */
async function startPair(listener: RequestListener) {
  const backends = [await serve(listener), await serve((_request, response) => response.end('b'))];
  const { port, adminPort } = await startProxy({ backends, admin: true });
  const id = (backends[0] as string).slice('http://'.length);
  return {
    request: () => fetch(`http://127.0.0.1:${port}/`),
    async a(): Promise<BackendDetail> {
      const response = await fetch(`http://127.0.0.1:${adminPort}/health/app/${id}`);
      return (await response.json()) as BackendDetail;
    },
  };
}

/** Asks until `a` has answered. */
async function requestA(request: () => Promise<Response>): Promise<Response> {
  for (let n = 0; n < 50; n++) {
    const response = await request();
    if ((await response.clone().text()) === 'a') return response;
  }
  throw new Error('a never answered');
}

describe('what an answer hints at', () => {
  it('is a load report: kept for us, and shown', async () => {
    const { request, a } = await startPair((_request, response) => {
      response.setHeader('endpoint-load-metrics', 'TEXT cpu_utilization=0.7');
      response.end('a');
    });
    const response = await requestA(request);
    expect(response.headers.has('endpoint-load-metrics')).toBe(false);
    expect((await a()).evidence.load).toMatchObject({ utilization: 0.7, source: 'response', rejected_total: 0 });
  });

  it('is a load report behind the body', async () => {
    const { request, a } = await startPair((_request, response) => {
      response.writeHead(200, { trailer: 'endpoint-load-metrics' });
      response.write('a');
      response.addTrailers({ 'endpoint-load-metrics': 'TEXT cpu_utilization=0.6' });
      response.end();
    });
    await requestA(request);
    expect((await a()).evidence.load).toMatchObject({ utilization: 0.6, source: 'response', rejected_total: 0 });
  });

  it('is no harm to the request when the report is malformed', async () => {
    const { request, a } = await startPair((_request, response) => {
      response.setHeader('endpoint-load-metrics', 'TEXT cpu_utilization=-1');
      response.end('a');
    });
    expect((await requestA(request)).status).toBe(200);
    expect(await a()).toMatchObject({ status: 'up', evidence: { load: { utilization: null, rejected_total: 1 } } });
  });

  it('is that the backend drains: it answers this one, and gets no more', async () => {
    const { request, a } = await startPair((_request, response) => {
      response.setHeader('x-pulsegate-drain', '1');
      response.end('a');
    });
    const response = await requestA(request);
    expect(response.headers.has('x-pulsegate-drain')).toBe(false);
    expect(await a()).toMatchObject({ status: 'draining', available: false });
    for (let n = 0; n < 10; n++) expect(await (await request()).text()).toBe('b');
  });

  it('is that a busy backend wants less for a while, which its client hears too', async () => {
    const { request, a } = await startPair((_request, response) => {
      response.writeHead(429, { 'retry-after': '60' }).end('a');
    });
    const response = await requestA(request);
    expect(response.headers.get('retry-after')).toBe('60');
    expect(await a()).toMatchObject({ status: 'up', effective_weight: 0.1 });
  });
});
