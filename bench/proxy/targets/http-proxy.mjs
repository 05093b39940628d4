/** http-proxy in its best configuration: with a keep-alive agent. */

import { Agent } from 'node:http';
import httpProxy from 'http-proxy';
import { backends, nextOf, serve } from './front.mjs';

const targets = backends.map((port) => ({ host: '127.0.0.1', port, protocol: 'http:' }));
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true }), xfwd: true });
proxy.on('error', (_error, _request, response) => response.destroy());

serve((request, response) => proxy.web(request, response, { target: nextOf(targets) })).on(
  'upgrade',
  (request, socket, head) => proxy.ws(request, socket, head, { target: nextOf(targets) }),
);
