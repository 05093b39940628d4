/** httpxy, which keeps connections alive by default: `node httpxy.mjs PORT BACKEND_PORTS`. */

import { createServer } from 'node:http';
import { createProxyServer } from 'httpxy';

const [port, ports = ''] = process.argv.slice(2);
const targets = ports.split(',').map((backend) => `http://127.0.0.1:${backend}`);
const proxy = createProxyServer({ xfwd: true });
let next = 0;

createServer((request, response) => {
  proxy.web(request, response, { target: targets[next++ % targets.length] }).catch(() => response.destroy());
}).listen(Number(port), '127.0.0.1');
