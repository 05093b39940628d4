/** http-proxy-3 with a keep-alive agent: `node http-proxy-3.mjs PORT BACKEND_PORTS`. */

import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy-3';

const [port, ports = ''] = process.argv.slice(2);
const targets = ports.split(',').map((backend) => `http://127.0.0.1:${backend}`);
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true }), xfwd: true });
proxy.on('error', (_error, _request, response) => response.destroy());
let next = 0;

createServer((request, response) => {
  proxy.web(request, response, { target: targets[next++ % targets.length] });
}).listen(Number(port), '127.0.0.1');
