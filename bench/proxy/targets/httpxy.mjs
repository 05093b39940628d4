/** httpxy, which keeps connections alive by default. */

import { createProxyServer } from 'httpxy';
import { backends, nextOf, serve } from './front.mjs';

const targets = backends.map((port) => `http://127.0.0.1:${port}`);
const proxy = createProxyServer({ xfwd: true });

serve((request, response) => {
  proxy.web(request, response, { target: nextOf(targets) }).catch(() => response.destroy());
}).on('upgrade', (request, socket, head) => {
  proxy.ws(request, socket, { target: nextOf(targets) }, head).catch(() => socket.destroy());
});
