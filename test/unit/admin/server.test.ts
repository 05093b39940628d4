import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'undici';
import { describe, expect, it } from 'vitest';
import { StartError } from '../../../src/model/errors.ts';
import { exchangeBytes, startFake } from './fake-control.ts';

describe('the admin server starts', () => {
  it('on port 0 and says which it got', async () => {
    const { server, port } = await startFake(null);
    expect(server.address).toEqual({ kind: 'tcp', host: '127.0.0.1', port });
    expect(port).toBeGreaterThan(0);
    await server.close();
  });

  it('on a unix socket, without a token', async () => {
    const path = join(tmpdir(), `pulsegate-admin-${process.pid}.sock`);
    const { server } = await startFake(null, { bind: { kind: 'unix', path } });
    const client = new Client('http://localhost', { socketPath: path });
    expect((await client.request({ method: 'GET', path: '/livez' })).statusCode).toBe(200);
    await client.destroy();
    await server.close();
  });

  it('not on a port in use, and says so in one line', async () => {
    const { server, port } = await startFake(null);
    const second = startFake(null, { bind: { kind: 'tcp', host: '127.0.0.1', port } });
    await expect(second).rejects.toBeInstanceOf(StartError);
    await expect(second).rejects.toThrow(`Cannot serve the admin API on 127.0.0.1:${port}: it is in use.`);
    await server.close();
  });

  it.each(['0.0.0.0', '::', 'proxy.example', '10.0.0.1'])('not on %s without a token', async (host) => {
    const refused = startFake(null, { bind: { kind: 'tcp', host, port: 0 } });
    await expect(refused).rejects.toThrow(/without `admin\.token` it must be loopback/);
  });
});

describe('the admin server lives with', () => {
  it('clients that leave in the middle of a body', async () => {
    const { server, port, control, lines } = await startFake(null);
    const head = 'PUT /upstreams/app/backends/a/weight HTTP/1.1\r\nhost: localhost\r\ncontent-length: 12\r\n\r\n';
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`${head}{"wei`, () => socket.resetAndDestroy()));
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
    const after = await exchangeBytes(port, 'GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    expect(after).toMatch(/^HTTP\/1\.1 200 /);
    await server.close();
    expect(control.changes).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('pipelined requests, of which a refusal is the last', async () => {
    const { server, port } = await startFake(null);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
    const received = await exchangeBytes(port, get('/livez') + get('/nope') + get('/livez'));
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404']);
    await server.close();
  });

  it('idle connections when it closes', async () => {
    const { server, port } = await startFake(null);
    let closing: Promise<void> | null = null;
    await exchangeBytes(port, 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n', (received) => {
      if (received.includes('ok')) closing ??= server.close();
      return false;
    });
    await closing;
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
  });

  it('a half-sent request when it closes', async () => {
    const { server, port } = await startFake(null);
    const received = exchangeBytes(port, 'POST /upstreams/app/backends/a/drain HTTP/1.1\r\nhost: localhost\r\n');
    await exchangeBytes(port, 'GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    await server.close();
    expect(await received).toBe('');
  });
});

it('finds its port free again after it closed', async () => {
  const { server, port } = await startFake(null);
  await server.close();
  const other = createServer();
  await new Promise<void>((resolve, reject) => other.on('error', reject).listen(port, '127.0.0.1', resolve));
  expect((other.address() as AddressInfo).port).toBe(port);
  other.close();
});
