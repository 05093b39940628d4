/** Metrics of what clients ask and get: requests, connections, and what was tried for them. */

import { CODE_CLASSES, HEDGE_RESULTS, RETRY_RESULTS, TUNNEL_RESULTS } from './data-plane-counts.ts';
import { escapeLabel } from './page.ts';
import { each, type Family, family, histogram, of, upstreamLabel } from './samples.ts';

export const REQUEST_FAMILIES: readonly Family[] = [
  family(
    'pulsegate_requests_total',
    'counter',
    'listener upstream code_class',
    'Requests that are over, by the class of the status sent; upstream is empty where none was chosen, code_class is none where the client left first.',
    function* ({ input }) {
      for (const { name, requests } of input.counts.listeners) {
        for (const [upstream, counts] of requests) {
          const labels = `listener="${escapeLabel(name)}",upstream="${escapeLabel(upstream)}"`;
          yield* each('pulsegate_requests_total', labels, 'code_class', CODE_CLASSES, counts);
        }
      }
    },
  ),
  family(
    'pulsegate_request_duration_seconds',
    'histogram',
    'upstream',
    'From the head of a request to the end of its answer; tunnels are left out.',
    function* ({ input }) {
      for (const { name, durations } of input.counts.upstreams) {
        yield histogram('pulsegate_request_duration_seconds', name, durations);
      }
    },
  ),
  family(
    'pulsegate_requests_pending',
    'gauge',
    'upstream',
    'Requests that wait because no backend has room, or because none takes connections.',
    function* ({ input }) {
      for (const { name, pending } of input.counts.upstreams) yield of('pulsegate_requests_pending', name, pending);
    },
  ),
  family(
    'pulsegate_tunnels_total',
    'counter',
    'listener upstream result',
    'Connections of tcp listeners that are over: closed in order by both sides, or cut.',
    function* ({ input }) {
      for (const { name, tunnels } of input.counts.listeners) {
        for (const [upstream, counts] of tunnels) {
          const labels = `listener="${escapeLabel(name)}",upstream="${escapeLabel(upstream)}"`;
          yield* each('pulsegate_tunnels_total', labels, 'result', TUNNEL_RESULTS, counts);
        }
      }
    },
  ),
  family('pulsegate_connections', 'gauge', 'listener', 'Open connections of clients.', function* ({ input }) {
    for (const { name, open } of input.counts.listeners) {
      yield `pulsegate_connections{listener="${escapeLabel(name)}"} ${open}\n`;
    }
  }),
  family(
    'pulsegate_connections_accepted_total',
    'counter',
    'listener',
    'Connections taken from clients.',
    function* ({ input }) {
      for (const { name, accepted } of input.counts.listeners) {
        yield `pulsegate_connections_accepted_total{listener="${escapeLabel(name)}"} ${accepted}\n`;
      }
    },
  ),
  family(
    'pulsegate_connections_refused_total',
    'counter',
    'listener',
    'Connections closed at once: above limits.connections, or not from a trusted proxy where only those may connect.',
    function* ({ input }) {
      for (const { name, refused } of input.counts.listeners) {
        yield `pulsegate_connections_refused_total{listener="${escapeLabel(name)}"} ${refused}\n`;
      }
    },
  ),
  family(
    'pulsegate_retries_total',
    'counter',
    'upstream result',
    'Attempts made again elsewhere, by how they ended: success (an answer below 500), failure, abandoned (over before an answer), or denied by the budget.',
    function* ({ input }) {
      for (const { name, retries } of input.counts.upstreams) {
        yield* each('pulsegate_retries_total', upstreamLabel(name), 'result', RETRY_RESULTS, retries);
      }
    },
  ),
  family(
    'pulsegate_hedges_total',
    'counter',
    'upstream result',
    'Second attempts beside a slow first one, by how they ended: won (its answer was used), lost, or denied by the budget.',
    function* ({ input }) {
      for (const { name, hedges } of input.counts.upstreams) {
        yield* each('pulsegate_hedges_total', upstreamLabel(name), 'result', HEDGE_RESULTS, hedges);
      }
    },
  ),
];
