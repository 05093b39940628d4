/** Metrics of backends and of the upstreams that they make up: what they are thought to be, and from what evidence. */

import { OUTCOME_CLASSES } from '../model/outcome.ts';
import { STATUSES } from '../model/status.ts';
import { each, type Family, family, histogram, of, upstreamLabel } from './samples.ts';

const PROBE_RESULTS = ['pass', 'fail'];
const LOAD_RESULTS = ['accepted', 'malformed'];

export const BACKEND_FAMILIES: readonly Family[] = [
  family(
    'pulsegate_attempts_total',
    'counter',
    'upstream backend outcome',
    'Attempts at a backend that are over, by outcome; ok is any answer below 500 but 429.',
    function* ({ backends }) {
      for (const { labels, tally } of backends) {
        let text = `pulsegate_attempts_total{${labels},outcome="ok"} ${tally.attemptsOk}\n`;
        tally.attemptsElse?.forEach((count, i) => {
          if (count > 0) text += `pulsegate_attempts_total{${labels},outcome="${OUTCOME_CLASSES[i]}"} ${count}\n`;
        });
        yield text;
      }
    },
  ),
  family(
    'pulsegate_backend_status',
    'gauge',
    'upstream backend status',
    '1 for the status that the backend has, 0 for the others.',
    function* ({ backends }) {
      for (const { labels, entry } of backends) {
        let text = '';
        for (const status of STATUSES) {
          text += `pulsegate_backend_status{${labels},status="${status}"} ${status === entry.status ? 1 : 0}\n`;
        }
        yield text;
      }
    },
  ),
  family(
    'pulsegate_backend_weight',
    'gauge',
    'upstream backend',
    'Effective weight: as configured, times what health makes of it; 0 when it gets no requests.',
    function* ({ backends }) {
      for (const { labels, entry } of backends) yield `pulsegate_backend_weight{${labels}} ${entry.weight}\n`;
    },
  ),
  family(
    'pulsegate_backend_in_flight',
    'gauge',
    'upstream backend',
    'Attempts under way, tunnels included.',
    function* ({ backends }) {
      for (const { labels, inFlight } of backends) yield `pulsegate_backend_in_flight{${labels}} ${inFlight}\n`;
    },
  ),
  family(
    'pulsegate_transitions_total',
    'counter',
    'upstream backend to',
    'Changes of status, by the status that the backend got.',
    function* ({ backends }) {
      for (const { labels, tally } of backends) {
        yield* each('pulsegate_transitions_total', labels, 'to', STATUSES, tally.transitions);
      }
    },
  ),
  family(
    'pulsegate_probes_total',
    'counter',
    'upstream backend result',
    'Probes that are over: pass or fail.',
    function* ({ backends }) {
      for (const { labels, tally } of backends) {
        if (tally.probesPassed + tally.probesFailed === 0) continue;
        yield* each('pulsegate_probes_total', labels, 'result', PROBE_RESULTS, [
          tally.probesPassed,
          tally.probesFailed,
        ]);
      }
    },
  ),
  family(
    'pulsegate_heartbeats_total',
    'counter',
    'upstream backend result',
    'Heartbeats: accepted, or the reason why they were refused.',
    function* ({ backends }) {
      for (const { labels, tally } of backends) {
        if (tally.heartbeatsAccepted === 0 && tally.heartbeatsRefused === null) continue;
        const name = `pulsegate_heartbeats_total{${labels},result=`;
        yield `${name}"accepted"} ${tally.heartbeatsAccepted}\n`;
        for (const [reason, count] of tally.heartbeatsRefused ?? []) yield `${name}"${reason}"} ${count}\n`;
      }
    },
  ),
  family(
    'pulsegate_load_reports_total',
    'counter',
    'upstream backend result',
    'Load reports of backends, whichever way they came: accepted or malformed.',
    function* ({ backends }) {
      for (const { labels, tally } of backends) {
        if (tally.loadAccepted + tally.loadMalformed === 0) continue;
        yield* each('pulsegate_load_reports_total', labels, 'result', LOAD_RESULTS, [
          tally.loadAccepted,
          tally.loadMalformed,
        ]);
      }
    },
  ),
  family(
    'pulsegate_backends',
    'gauge',
    'upstream status',
    'Backends by status: all of them, also those without series of their own.',
    function* ({ input }) {
      for (const { name, entries } of input.upstreams) {
        const counts = STATUSES.map(() => 0);
        for (const { status } of entries)
          counts[STATUSES.indexOf(status)] = (counts[STATUSES.indexOf(status)] ?? 0) + 1;
        yield* each('pulsegate_backends', upstreamLabel(name), 'status', STATUSES, counts);
      }
    },
  ),
  family(
    'pulsegate_panic',
    'gauge',
    'upstream',
    '1 while too few backends are available and requests go to others, too.',
    function* ({ input }) {
      for (const { name, panic } of input.upstreams) yield of('pulsegate_panic', name, panic ? 1 : 0);
    },
  ),
  family(
    'pulsegate_probe_duration_seconds',
    'histogram',
    'upstream',
    'How long probes took, failed ones included.',
    function* ({ input }) {
      for (const { name, counters } of input.upstreams) {
        yield histogram('pulsegate_probe_duration_seconds', name, counters.probeDurations.counts);
      }
    },
  ),
  family(
    'pulsegate_heartbeats_unattributed_total',
    'counter',
    'upstream',
    'Refused heartbeats that name no backend of ours; upstream is empty where they name none of ours either.',
    function* ({ input: { heartbeatsUnattributed, upstreams } }) {
      yield of('pulsegate_heartbeats_unattributed_total', '', heartbeatsUnattributed);
      for (const { name, counters } of upstreams) {
        yield of('pulsegate_heartbeats_unattributed_total', name, counters.heartbeatsUnknown);
      }
    },
  ),
];
