/** autocannon as a process of its own, with the varied requests: `node autocannon.mjs PORT CONNECTIONS SECONDS`. */

import autocannon from 'autocannon';
import { requests } from '../exchange.mjs';

const [port, connections, seconds] = process.argv.slice(2).map(Number);
/** Each connection prepares all of its requests before the first is sent; this many keep the start short. */
const PER_CONNECTION = 64;

const result = await autocannon({
  url: `http://127.0.0.1:${port}`,
  connections,
  duration: seconds,
  requests: requests().slice(0, PER_CONNECTION),
});
const { total } = result.requests;
const summary = {
  requests: total,
  errors: result.errors + result.non2xx,
  perSecond: total / result.duration,
  p50Ms: result.latency.p50,
  p99Ms: result.latency.p99,
};
process.stdout.write(`${JSON.stringify(summary)}\n`);
