/**
 * The rows of the comparison: one kind of exchange each, or one thing that waiting costs. `--only` takes their names.
 * A row is the same for every proxy that speaks its protocol; those that do not are no part of it.
 */

import { autocannon, echoes, h2load, handshakes, wrk } from './load.mjs';

const KIB = 1024;

/**
 * @typedef {object} ThroughputRow  as many requests as there are connections (or streams) under way at all times
 * @property {'throughput'} kind
 * @property {string} name
 * @property {string} title
 * @property {string} per  what is counted
 * @property {import('./targets.mjs').Protocol} protocol
 * @property {import('./load.mjs').Generator} generator
 * @property {number} connections
 * @property {number} bodyBytes
 *
 * @typedef {object} LatencyRow  requests at a rate: of half of the proxy's own saturation, or the same for all
 * @property {'latency'} kind
 * @property {string} name
 * @property {string} title
 * @property {'http1'} protocol
 * @property {number | null} perSecond  null = half of the saturation, as far as the client can carry it
 * @property {number} connections  that saturate
 * @property {number} bodyBytes
 *
 * @typedef {object} MemoryRow
 * @property {'memory'} kind
 * @property {string} name
 * @property {string} title
 * @property {'http1'} protocol
 * @property {'connections' | 'backends'} of
 * @property {number} count
 * @property {number} bodyBytes
 *
 * @typedef {ThroughputRow | LatencyRow | MemoryRow} Row
 */

/** @type {Omit<ThroughputRow, 'name' | 'title'>} */
const BASIS = {
  kind: 'throughput',
  per: 'request',
  protocol: 'http1',
  // Users have autocannon, which saturates before the faster proxies do.
  generator: wrk().missing === null ? wrk() : autocannon,
  connections: 64,
  bodyBytes: KIB,
};

/** @type {readonly Row[]} */
export const ROWS = [
  { ...BASIS, name: '1k', title: 'Answers of 1 KiB' },
  { ...BASIS, name: 'autocannon', title: 'Answers of 1 KiB, as autocannon sees it', generator: autocannon },
  { ...BASIS, name: '64k', title: 'Answers of 64 KiB', bodyBytes: 64 * KIB },
  { ...BASIS, name: '1m', title: 'Answers of 1 MiB', bodyBytes: KIB * KIB, connections: 16 },
  { ...BASIS, name: 'connections', title: 'New connections, one request each', generator: wrk(false) },
  { ...BASIS, name: 'tls', title: 'TLS, kept alive', protocol: 'tls', generator: wrk() },
  {
    ...BASIS,
    name: 'handshakes',
    title: 'New TLS connections, whole handshakes, one request each',
    protocol: 'tls',
    generator: handshakes,
    connections: 16,
  },
  {
    ...BASIS,
    name: 'http2',
    title: 'HTTP/2 over TLS, 16 connections of 16 streams; HTTP/1 to backends',
    protocol: 'http2',
    generator: h2load(16),
    connections: 16,
  },
  {
    ...BASIS,
    name: 'websocket',
    title: 'WebSocket: echoes of 64 bytes, 100 connections',
    per: 'echo',
    protocol: 'websocket',
    generator: echoes(64),
    connections: 100,
  },
  {
    kind: 'latency',
    name: 'half',
    title: 'Latency at half of its own saturation',
    protocol: 'http1',
    perSecond: null,
    connections: 64,
    bodyBytes: KIB,
  },
  {
    kind: 'latency',
    name: 'rate',
    title: 'Latency at 2,000 requests per second for all',
    protocol: 'http1',
    perSecond: 2_000,
    connections: 64,
    bodyBytes: KIB,
  },
  {
    kind: 'memory',
    name: 'idle',
    title: 'An idle client connection, of 5,000 that have sent one request',
    protocol: 'http1',
    of: 'connections',
    count: 5_000,
    bodyBytes: KIB,
  },
  {
    kind: 'memory',
    name: 'backends',
    title: 'A backend, of 10,000',
    protocol: 'http1',
    of: 'backends',
    count: 10_000,
    bodyBytes: 66,
  },
];
