/** http-proxy in its best configuration, with a keep-alive agent: `node http-proxy.mjs PORT BACKEND_PORTS`. */

import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const [port, ports = ''] = process.argv.slice(2);
const targets = ports.split(',').map((backend) => ({ host: '127.0.0.1', port: backend, protocol: 'http:' }));
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true }), xfwd: true });
proxy.on('error', (_error, _request, response) => response.destroy());
let next = 0;

createServer((request, response) => {
  proxy.web(request, response, { target: targets[next++ % targets.length] });
}).listen(Number(port), '127.0.0.1');
