/** Pages for tests of the exposition: one upstream or several, as many backends as asked for. */

import { type DataPlaneCounts, NO_COUNTS } from '../../../src/metrics/data-plane-counts.ts';
import { HealthCounters } from '../../../src/metrics/health-counters.ts';
import type { MetricsInput, UpstreamFigures } from '../../../src/metrics/page.ts';
import type { Backend } from '../../../src/model/backend.ts';
import type { SnapshotEntry } from '../../../src/model/snapshot.ts';

export function backend(id: string, slot = 0): Backend {
  const place = { url: `http://${id}`, tls: false, host: '127.0.0.1', port: 80 };
  return { id, slot, ...place, weight: 1, priority: 0, labels: {} };
}

export function entry(id: string, slot: number): SnapshotEntry {
  return { backend: backend(id, slot), status: 'up', available: true, weight: 1, reason: '', since: 0 };
}

export function upstream(name: string, ids: readonly string[]): UpstreamFigures {
  return { name, panic: false, entries: ids.map(entry), counters: new HealthCounters(ids), inFlightOf: (slot) => slot };
}

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:3000`);
}

export function input(upstreams: readonly UpstreamFigures[], counts: DataPlaneCounts = NO_COUNTS): MetricsInput {
  return {
    process: {
      ...{
        cpuSeconds: 1.5,
        residentBytes: 100,
        openDescriptors: 20,
        maxDescriptors: 1_024,
        startSeconds: 1_763_690_000,
      },
      ...{ version: '0.1.0', nodeVersion: 'v24.0.0', loopLagSeconds: 0.001, logLinesDropped: 0 },
    },
    ...{ workers: 1, generation: 3, reloads: { ok: 2, failed: 1 }, awareness: 0, heartbeatsUnattributed: 4 },
    ...{ counts, upstreams },
  };
}
