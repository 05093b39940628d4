/** @fastify/http-proxy over undici, without logging. */

import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { backends, nextOf, port, tls } from './front.mjs';

const origins = backends.map((backend) => `http://127.0.0.1:${backend}`);
const app = fastify({ logger: false, ...(tls === null ? {} : { http2: true, https: { ...tls, allowHTTP1: true } }) });

await app.register(httpProxy, {
  upstream: '',
  websocket: true,
  undici: { connections: 128, pipelining: 1 },
  replyOptions: {
    getUpstream: () => nextOf(origins),
    rewriteRequestHeaders: (request, headers) => ({ ...headers, 'x-forwarded-for': request.ip }),
  },
});
await app.listen({ port, host: '127.0.0.1', backlog: 4096 });
