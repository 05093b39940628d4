/**
 * What a careful engineer builds from node:http and undici's dispatch.
 * The older handler interface is used on purpose: it hands over raw header bytes, where the newer one parses them first.
 */

import { Pool } from 'undici';
import { backends, nextOf, serve, tls } from './front.mjs';

const pools = backends.map((port) => new Pool(`http://127.0.0.1:${port}`, { connections: 128 }));
const protocol = tls === null ? 'http' : 'https';

const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-connection transfer-encoding te trailer upgrade expect'.split(' '),
);

/** The end-to-end fields of a flat list of names and values. @param {string[]} raw */
function endToEnd(raw) {
  const fields = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = /** @type {string} */ (raw[i]);
    if (!HOP_BY_HOP.has(name.toLowerCase())) fields.push(name, /** @type {string} */ (raw[i + 1]));
  }
  return fields;
}

/** Passes one answer on; backpressure goes back to the backend's socket. */
class Answer {
  /** @param {import('node:http').ServerResponse} response */
  constructor(response) {
    this.response = response;
    this.abort = () => {};
  }

  /** @param {() => void} abort */
  onConnect(abort) {
    if (this.response.destroyed) abort();
    else this.abort = abort;
  }

  /** @param {number} status @param {Buffer[]} raw @param {() => void} resume */
  onHeaders(status, raw, resume) {
    if (status < 200) return true;
    const text = raw.map((bytes) => bytes.latin1Slice());
    this.response.on('drain', resume);
    this.response.writeHead(status, endToEnd(text));
    return true;
  }

  /** @param {Buffer} chunk */
  onData(chunk) {
    return this.response.write(chunk);
  }

  onComplete() {
    this.response.end();
  }

  onError() {
    if (this.response.headersSent) this.response.destroy();
    else this.response.writeHead(502).end();
  }
}

serve((request, response) => {
  const headers = endToEnd(request.rawHeaders);
  headers.push('x-forwarded-for', request.socket.remoteAddress ?? '', 'x-forwarded-proto', protocol);
  headers.push('x-forwarded-host', request.headers.host ?? '');
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  const answer = new Answer(response);
  response.on('close', () => {
    if (!response.writableFinished) answer.abort();
  });
  nextOf(pools).dispatch(
    { path: request.url ?? '/', method: request.method ?? 'GET', headers, body: hasBody ? request : null },
    answer,
  );
});
