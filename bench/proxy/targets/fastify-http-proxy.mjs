/** @fastify/http-proxy over undici, without logging: `node fastify-http-proxy.mjs PORT BACKEND_PORTS`. */

import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';

const [port, ports = ''] = process.argv.slice(2);
const origins = ports.split(',').map((backend) => `http://127.0.0.1:${backend}`);
let next = 0;

const app = fastify({ logger: false });
await app.register(httpProxy, {
  upstream: '',
  undici: { connections: 128, pipelining: 1 },
  replyOptions: {
    getUpstream: () => origins[next++ % origins.length],
    rewriteRequestHeaders: (request, headers) => ({ ...headers, 'x-forwarded-for': request.ip }),
  },
});
await app.listen({ port: Number(port), host: '127.0.0.1' });
