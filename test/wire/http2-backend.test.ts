/** HTTP/2 towards backends: what a request becomes, and what an answer does, in the form of HTTP/1 clients. */

import { describe, expect, it } from 'vitest';
import { startHttp2Backend } from '../support/http2-backend.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';

const H2C = { protocol: 'h2c' };

describe('a request to an HTTP/2 backend', () => {
  it('becomes a field list in lower case, with our fields and none of the connection', async () => {
    const backend = await startHttp2Backend();
    const { port } = await startProxy({ backends: [backend.origin], upstream: H2C });
    const client = await connectRaw(port);
    client.send(
      'GET /a?b=c HTTP/1.1\r\nHost: Example.COM\r\nX-Two: 1\r\nX-Two: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nUpgrade: h2c\r\n\r\n',
    );
    const answer = await client.next();
    expect(answer.startLine).toBe('HTTP/1.1 200 OK');
    expect(answer.body).toBe('ok');
    const [stream] = backend.streams;
    expect(stream?.headers).toMatchObject({
      ':method': 'GET',
      ':path': '/a?b=c',
      ':scheme': 'http',
      ':authority': 'example.com',
      'x-two': '1, 2',
      'x-forwarded-for': '127.0.0.1',
      via: '1.1 pulsegate',
    });
    expect(Object.keys(stream?.headers ?? {})).not.toEqual(
      expect.arrayContaining(['x-hop', 'connection', 'te', 'upgrade', 'host']),
    );
    expect(stream?.ended).toBe(true);
  });
});
