/**
 * http-proxy-3 as careful users run it: a keep-alive agent, a second for each try, and on an error a GET is asked of the next
 * backend, twice at most. It has no health checks, and an answer of 5xx is passed on.
 */

import { Agent } from 'node:http';
import httpProxy from 'http-proxy-3';
import { backends, nextOf, serve } from '../../proxy/targets/front.mjs';

const TRY_MS = 1_000;
const RETRIES = 2;

const targets = backends.map((port) => `http://127.0.0.1:${port}`);
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true }), xfwd: true, proxyTimeout: TRY_MS });
/** @type {WeakMap<import('node:http').IncomingMessage, number>} */
const retries = new WeakMap();

proxy.on('error', (_error, request, response) => {
  const made = retries.get(request) ?? 0;
  if (response.headersSent || response.destroyed) return void response.destroy();
  if (request.method !== 'GET' || made === RETRIES) return void response.writeHead(502).end();
  retries.set(request, made + 1);
  proxy.web(request, response, { target: nextOf(targets) });
});

serve((request, response) => proxy.web(request, response, { target: nextOf(targets) }));
