/**
 * The backend of every benchmark: `node backend.mjs PORTS BODY_SIZE`. It answers from node:net with bytes made in
 * advance, so that the proxy is what is measured. It understands requests without a body, which is all it is sent.
 *   /healthz   200, for health checks      /echo   the request's head as it arrived      anything else   the fixed answer
 */

import { createServer } from 'node:net';
import { responseBody, responseFields } from './exchange.mjs';

const [ports = '', size = '1024'] = process.argv.slice(2);

/** @param {string} body @param {Record<string, string>} [more] fields @returns {Buffer} */
function answer(body, more = {}) {
  const fields = Object.entries({ ...responseFields, ...more, 'content-length': String(body.length) });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n${body}`, 'latin1');
}

const fixed = answer(responseBody(Number(size)));
const last = answer(responseBody(Number(size)), { connection: 'close' });
const healthy = answer('{"status":"ok"}');

/** @param {string} head */
function answerTo(head) {
  const path = head.slice(head.indexOf(' ') + 1);
  if (path.startsWith('/healthz')) return healthy;
  if (path.startsWith('/echo')) return answer(head, isLast(head) ? { connection: 'close' } : {});
  return isLast(head) ? last : fixed;
}

/** @param {string} head */
function isLast(head) {
  return head.includes('\nconnection: close') || head.includes('\nConnection: close');
}

for (const port of ports.split(',')) {
  createServer({ noDelay: true }, (socket) => {
    let rest = '';
    socket.on('data', (chunk) => {
      const text = rest + chunk.latin1Slice();
      let from = 0;
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n', from)) {
        const head = text.slice(from, end);
        socket.write(answerTo(head));
        // Some pass on what their client says of its own connection.
        if (isLast(head)) return void socket.end();
        from = end + 4;
      }
      rest = text.slice(from);
    });
    socket.on('error', () => socket.destroy());
  }).listen(Number(port), '127.0.0.1');
}
