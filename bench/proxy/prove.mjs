/** A target is proven to forward correctly before it is timed: a fast wrong answer is no result. */

import { request } from 'node:http';
import { requests, responseBody, responseFields } from './exchange.mjs';

/**
 * Throws, with what is wrong, unless the target passes requests and answers on whole.
 * @param {import('./targets.mjs').Target} target @param {number} port @param {number} bodySize
 */
export async function prove(target, port, bodySize) {
  const [sent] = requests();
  if (sent === undefined) throw new Error('there are no requests to send');
  const fixed = await exchange(port, sent.path, sent.headers);
  check(target, 'status', fixed.status, 200);
  check(target, 'body', fixed.body, responseBody(bodySize));
  for (const [name, value] of Object.entries(responseFields)) {
    if (name !== 'date' && name !== 'server') check(target, name, fixed.headers[name], value);
  }

  const echo = await exchange(port, '/echo?a=1&b=%20', sent.headers);
  const [line, ...fields] = echo.body.split('\r\n');
  const arrived = new Map(fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field]));
  check(target, 'request line', line, 'GET /echo?a=1&b=%20 HTTP/1.1');
  for (const name of ['user-agent', 'accept', 'referer', 'authorization', 'cookie']) {
    check(
      target,
      name,
      arrived
        .get(name)
        ?.slice(name.length + 1)
        .trim(),
      sent.headers[name],
    );
  }
  if (target.forwards) check(target, 'x-forwarded-for present', arrived.has('x-forwarded-for'), true);
}

/**
 * @param {import('./targets.mjs').Target} target @param {string} what
 * @param {unknown} received @param {unknown} expected
 */
function check(target, what, received, expected) {
  if (received === expected) return;
  throw new Error(
    `${target.name} is not measured: ${what} is ${JSON.stringify(received)}, not ${JSON.stringify(expected)}`,
  );
}

/**
 * @param {number} port @param {string} path @param {Record<string, string>} headers
 * @returns {Promise<{ status: number | undefined, headers: import('node:http').IncomingHttpHeaders, body: string }>}
 */
function exchange(port, path, headers) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      response.on('error', reject);
    });
    sent.setTimeout(5_000, () => sent.destroy(new Error('no answer within 5 s')));
    sent.on('error', reject);
    sent.end();
  });
}
