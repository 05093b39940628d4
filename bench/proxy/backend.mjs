/**
 * The backend of every benchmark: `node backend.mjs PORTS BODY_SIZE`. It answers from node:net with bytes made in
 * advance, so that the proxy is what is measured. It understands requests without a body only, which is all it is sent.
 *   /healthz   200, for health checks      /echo   the request's head as it arrived      anything else   the fixed answer
 */

import { createServer } from 'node:net';
import { responseBody, responseFields } from './exchange.mjs';

const [ports = '', size = '1024'] = process.argv.slice(2);

/** @param {string} body */
function answer(body) {
  const fields = Object.entries({ ...responseFields, 'content-length': String(body.length) });
  return `HTTP/1.1 200 OK\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

const fixed = answer(responseBody(Number(size)));
const healthy = answer('{"status":"ok"}');

/** @param {string} head */
function answerTo(head) {
  const path = head.slice(head.indexOf(' ') + 1);
  if (path.startsWith('/healthz')) return healthy;
  return path.startsWith('/echo') ? answer(head) : fixed;
}

for (const port of ports.split(',')) {
  createServer({ noDelay: true }, (socket) => {
    let rest = '';
    socket.on('data', (chunk) => {
      const text = rest + chunk.latin1Slice();
      let from = 0;
      let out = '';
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n', from)) {
        out += answerTo(text.slice(from, end));
        from = end + 4;
      }
      rest = text.slice(from);
      if (out !== '') socket.write(out, 'latin1');
    });
    socket.on('error', () => socket.destroy());
  }).listen(Number(port), '127.0.0.1');
}
