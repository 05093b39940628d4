/** A target is proven to forward correctly before it is timed, in the row's own protocol: a fast wrong answer is no result. */

import { readFileSync } from 'node:fs';
import { request as http1Request } from 'node:http';
import { connect } from 'node:http2';
import { request as tlsRequest } from 'node:https';
import { requests, responseBody, responseFields } from './exchange.mjs';
import { echoes } from './load.mjs';

const PATIENCE_MS = 5_000;

/**
 * @typedef {import('./load.mjs').LoadOptions} LoadOptions
 * @typedef {{ status: number | undefined, headers: Record<string, string | string[] | undefined>, body: string }} Answer
 */

/**
 * Throws, with what is wrong, unless the target passes on whole what this row sends.
 * @param {{ forwards: boolean }} target @param {import('./rows.mjs').Row} row @param {Pick<LoadOptions, 'port' | 'tls' | 'folder'>} place
 */
export async function prove(target, row, place) {
  if (row.protocol === 'websocket') return proveEchoes(place);
  const [sent] = requests();
  if (sent === undefined) throw new Error('there are no requests to send');
  const ask = row.protocol === 'http2' ? exchangeHttp2 : exchange;
  const fixed = await ask(place, sent.path, sent.headers);
  check('status', fixed.status, 200);
  // Otherwise the next request would come on the same connection, and the row would be about something else.
  if (row.name === 'connections') check('connection', String(fixed.headers.connection).toLowerCase(), 'close');
  check('body', digest(fixed.body), digest(responseBody(row.bodyBytes)));
  check('content-length', fixed.headers['content-length'], String(row.bodyBytes));
  for (const [name, value] of Object.entries(responseFields)) {
    if (name !== 'date' && name !== 'server') check(name, fixed.headers[name], value);
  }

  if (!target.forwards) return;
  const echo = await ask(place, '/echo?a=1&b=%20', sent.headers);
  const [line, ...fields] = echo.body.split('\r\n');
  /** @type {Map<string, string>} */
  const arrived = new Map();
  for (const field of fields) {
    const colon = field.indexOf(':');
    arrived.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim());
  }
  check('request line', line, 'GET /echo?a=1&b=%20 HTTP/1.1');
  for (const name of ['user-agent', 'accept', 'referer', 'authorization', 'cookie']) {
    check(name, arrived.get(name), sent.headers[name]);
  }
  check('x-forwarded-for present', arrived.has('x-forwarded-for'), true);
}

/** @param {Pick<LoadOptions, 'port' | 'tls' | 'folder'>} place */
async function proveEchoes(place) {
  const { requests, errors } = await echoes(64).run({ ...place, connections: 4, seconds: 0.2 });
  check('wrong echoes', errors, 0);
  check('echoes present', requests > 0, true);
}

/** A short text that a long one's difference shows in. @param {string} body */
function digest(body) {
  return `${body.length} bytes, ${body.slice(0, 16)}…${body.slice(-8)}`;
}

/** @param {string} what @param {unknown} received @param {unknown} expected */
function check(what, received, expected) {
  if (received === expected) return;
  throw new Error(`${what} is ${JSON.stringify(received)}, not ${JSON.stringify(expected)}`);
}

/** @param {Pick<LoadOptions, 'port' | 'tls'>} place @param {string} path @param {Record<string, string>} headers @returns {Promise<Answer>} */
function exchange({ port, tls }, path, headers) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers, agent: false };
    const secure = tls === null ? {} : { ca: readFileSync(tls.cert), servername: 'api.example.com' };
    const send = tls === null ? http1Request : tlsRequest;
    const sent = send({ ...options, ...secure }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      response.on('error', reject);
    });
    sent.setTimeout(PATIENCE_MS, () => sent.destroy(new Error('no answer within 5 s')));
    sent.on('error', reject);
    sent.end();
  });
}

/** @param {Pick<LoadOptions, 'port' | 'tls'>} place @param {string} path @param {Record<string, string>} headers @returns {Promise<Answer>} */
function exchangeHttp2({ port, tls }, path, { host = '', ...headers }) {
  return new Promise((resolve, reject) => {
    const ca = tls === null ? '' : readFileSync(tls.cert);
    const session = connect(`https://127.0.0.1:${port}`, { ca, servername: 'api.example.com' });
    session.on('error', reject);
    const stream = session.request({ ':path': path, ':authority': host, ...headers });
    stream.setTimeout(PATIENCE_MS, () => stream.destroy(new Error('no answer within 5 s')));
    let body = '';
    /** @type {Record<string, any>} */
    let fields = {};
    stream.setEncoding('latin1');
    stream.on('response', (received) => {
      fields = received;
    });
    stream.on('data', (chunk) => {
      body += chunk;
    });
    stream.on('error', reject);
    stream.on('end', () => {
      session.close();
      resolve({ status: fields[':status'], headers: fields, body });
    });
  });
}
