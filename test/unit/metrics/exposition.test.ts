/** The text that Prometheus reads: its form, its bounds, and that what is left out is counted. */

import { describe, expect, test } from 'vitest';
import type { DataPlaneCounts } from '../../../src/metrics/data-plane-counts.ts';
import { exposition } from '../../../src/metrics/exposition.ts';
import { FAMILIES, SERIES_DROPPED } from '../../../src/metrics/families.ts';
import type { BackendTally } from '../../../src/metrics/health-counters.ts';
import {
  escapeLabel,
  gatherPage,
  type MetricsInput,
  type Page,
  quotasOf,
  seriesOf,
} from '../../../src/metrics/page.ts';
import { input, names, upstream } from './fixtures.ts';

const COUNTS: DataPlaneCounts = {
  listeners: [
    {
      ...{ name: 'public', open: 2, accepted: 9, refused: 1 },
      ...{ requests: [['app', [0, 0, 5, 0, 0, 1]]], tunnels: [['app', [1, 0]]] },
    },
  ],
  upstreams: [
    {
      ...{ name: 'app', pending: 3, retries: [1, 0, 0, 2], hedges: [0, 1, 0] },
      durations: [1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 40_020],
    },
  ],
};

function gathered(figures: MetricsInput, maxBackends?: number): Page {
  const gathering = gatherPage(figures, maxBackends);
  let step = gathering.next();
  while (step.done !== true) step = gathering.next();
  return step.value;
}

function render(...args: Parameters<typeof gathered>): string {
  const page = gathered(...args);
  return [...exposition(page, page.dropped)].join('');
}

function samplesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('a page', () => {
  const app = upstream('app', ['a', 'b']);
  for (let i = 0; i < 5; i++) app.counters.countAttempt({ id: 'b', slot: 1 }, 'ok');
  app.counters.countAttempt({ id: 'b', slot: 1 }, 'reset');
  const text = render(input([app], COUNTS));

  test('has a head for every metric, before its samples, and every sample has one', () => {
    const announced = new Set<string>();
    const heads: string[] = [];
    for (const line of text.split('\n')) {
      const head = /^# TYPE (\S+) (\S+)$/.exec(line);
      if (head !== null) {
        announced.clear();
        heads.push(head[1] as string);
        for (const suffix of head[2] === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) {
          announced.add(`${head[1]}${suffix}`);
        }
      } else if (line !== '' && !line.startsWith('# HELP')) {
        expect(announced).toContain(/^[a-z_]+/.exec(line)?.[0]);
      }
    }
    expect(heads).toEqual([...FAMILIES, SERIES_DROPPED].map(({ name }) => name));
    expect(text.endsWith('\n')).toBe(true);
  });

  test('has no sample twice', () => {
    const series = samplesOf(text).map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(series).size).toBe(series.length);
    expect(series.length).toBeGreaterThan(90);
  });

  test('carries exactly the labels that each metric announces', () => {
    for (const { name, labels, samples } of FAMILIES) {
      for (const line of samplesOf([...samples(gathered(input([app], COUNTS)))].join(''))) {
        const found = [...line.matchAll(/[{,]([a-z_]+)="/g)]
          .map(([, label]) => label)
          .filter((label) => label !== 'le');
        expect([name, found]).toEqual([name, labels]);
      }
    }
  });

  test.each([
    'pulsegate_requests_total{listener="public",upstream="app",code_class="5xx"} 1',
    'pulsegate_requests_total{listener="public",upstream="app",code_class="4xx"} 0',
    'pulsegate_connections{listener="public"} 2',
    'pulsegate_tunnels_total{listener="public",upstream="app",result="closed"} 1',
    'pulsegate_requests_pending{upstream="app"} 3',
    'pulsegate_retries_total{upstream="app",result="denied"} 2',
    'pulsegate_hedges_total{upstream="app",result="lost"} 1',
    'pulsegate_attempts_total{upstream="app",backend="b",outcome="ok"} 5',
    'pulsegate_attempts_total{upstream="app",backend="b",outcome="reset"} 1',
    'pulsegate_attempts_total{upstream="app",backend="a",outcome="ok"} 0',
    'pulsegate_backend_in_flight{upstream="app",backend="b"} 1',
    'pulsegate_backend_status{upstream="app",backend="a",status="up"} 1',
    'pulsegate_backend_status{upstream="app",backend="a",status="down"} 0',
    'pulsegate_transitions_total{upstream="app",backend="a",to="down"} 0',
    'pulsegate_backends{upstream="app",status="up"} 2',
    'pulsegate_panic{upstream="app"} 0',
    'pulsegate_config_reloads_total{result="failed"} 1',
    'pulsegate_series_dropped_total 0',
  ])('says %s', (line) => {
    expect(samplesOf(text)).toContain(line);
  });

  test('sums the buckets of a histogram up, to the whole at infinity', () => {
    const lines = samplesOf(text).filter((line) => line.startsWith('pulsegate_request_duration_seconds'));
    expect(lines[0]).toBe('pulsegate_request_duration_seconds_bucket{upstream="app",le="0.001"} 1');
    expect(lines[3]).toBe('pulsegate_request_duration_seconds_bucket{upstream="app",le="0.01"} 3');
    expect(lines.slice(-3)).toEqual([
      'pulsegate_request_duration_seconds_bucket{upstream="app",le="+Inf"} 4',
      'pulsegate_request_duration_seconds_sum{upstream="app"} 40.02',
      'pulsegate_request_duration_seconds_count{upstream="app"} 4',
    ]);
  });

  test('leaves out what the system does not tell', () => {
    const figures = input([]);
    const process = { ...figures.process, openDescriptors: null, maxDescriptors: null };
    const bare = render({ ...figures, process });
    expect(samplesOf(bare).filter((line) => line.startsWith('process_'))).toHaveLength(3);
  });
});

describe('names from the configuration', () => {
  test('are escaped as the format wants it', () => {
    expect(escapeLabel('a"b\\c\nd')).toBe('a\\"b\\\\c\\nd');
    expect(escapeLabel('[::1]:80 é')).toBe('[::1]:80 é');
    const text = render(input([upstream('a"b', ['x\ny'])]));
    expect(text).toContain('pulsegate_backend_weight{upstream="a\\"b",backend="x\\ny"} 1\n');
  });
});

describe('a fleet', () => {
  test('comes in pieces of bounded size, none of which tears a line', () => {
    const pieces = [...exposition(gathered(input([upstream('app', names(10_000))]), 10_000), 0)];
    expect(pieces.length).toBeGreaterThan(100);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(70_000);
    for (const piece of pieces) expect(piece.endsWith('\n')).toBe(true);
  });

  test('is gathered in steps', () => {
    const steps = [...gatherPage(input([upstream('app', names(10_000))]))];
    expect(steps.length).toBe(20);
  });

  test('beyond the cap loses whole backends, the last ones first, and says how many series that is', () => {
    const figures = input([upstream('app', names(2_500))]);
    const page = gathered(figures);
    expect(page.backends).toHaveLength(2_000);
    expect(page.backends.at(-1)?.entry.backend.id).toBe(names(2_000).at(-1));
    const all = samplesOf([...exposition(gathered(figures, 10_000), 0)].join(''));
    const shown = samplesOf([...exposition(page, page.dropped)].join(''));
    expect(shown.at(-1)).toBe(`pulsegate_series_dropped_total ${all.length - shown.length}`);
    expect(page.dropped).toBe(500 * 19);
    // What is asked of the whole is still told of the whole.
    expect(shown).toContain('pulsegate_backends{upstream="app",status="up"} 2500');
  });

  test('counts the series of a backend as they are written', () => {
    const figures = upstream('app', ['a']);
    figures.counters.hear({
      ...{ kind: 'probe', at: 0, backend: 'a', ok: true, status: 200, latencyMs: 1, detail: '', refused: false },
    });
    figures.counters.hear({ kind: 'load', at: 0, backend: 'a', source: 'probe', report: null });
    for (const outcome of ['ok', 'reset'] as const) figures.counters.countAttempt({ id: 'a', slot: 0 }, outcome);
    for (const reason of ['stale', 'replayed']) {
      figures.counters.hear({ kind: 'heartbeat_refused', at: 0, backend: 'a', reason });
    }
    const page = gathered(input([figures], COUNTS));
    const written = samplesOf([...exposition(page, 0)].join('')).filter((line) => line.includes('backend="a"'));
    expect(seriesOf(figures.counters.of('a') as BackendTally)).toBe(written.length);
    expect(written).toHaveLength(8 + 2 + 8 + 2 + 2 + 2 + 3);
  });

  test('of one upstream does not crowd out the others', () => {
    expect(quotasOf([10_000, 3, 10_000], 2_000)).toEqual([998, 3, 999]);
    expect(quotasOf([5, 3], 2_000)).toEqual([5, 3]);
    expect(quotasOf([], 2_000)).toEqual([]);
    expect(quotasOf([4_000], 2_000)).toEqual([2_000]);
  });
});
