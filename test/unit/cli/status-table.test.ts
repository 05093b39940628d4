import { describe, expect, test } from 'vitest';
import { type Seen, watchText } from '../../../src/cli/status.ts';
import { statusTable, type TableOptions } from '../../../src/cli/status-table.ts';
import type { BackendReport, HealthReport, UpstreamReport } from '../../../src/model/report.ts';
import type { Status } from '../../../src/model/status.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

const REASON = '3 probes failed in a row, last: connect ECONNREFUSED 10.0.0.7:3000; kept in service';

function backend(id: string, more: Partial<BackendReport> = {}): BackendReport {
  return {
    id,
    url: `http://${id}`,
    status: 'up',
    available: true,
    priority: 0,
    weight: 1,
    effective_weight: 0.25,
    in_flight: 12,
    requests_total: 0,
    failures_total: 0,
    retries_total: 0,
    latency_ms: { p50: 4.1, p90: 9, p99: 22 },
    load: { utilization: 0.314, source: 'response', age_ms: 200 },
    version: null,
    since: '2025-12-31T23:58:30.000Z',
    reason: REASON,
    role: null,
    heartbeat: null,
    ...more,
  };
}

function pool(backends: readonly BackendReport[], more: Partial<UpstreamReport> = {}): UpstreamReport {
  const available = backends.filter(({ status }) => status === 'up').length;
  const total = backends.length;
  return { status: 'ok', panic: false, balance: 'least_request', available, total, snapshot: 1, backends, ...more };
}

function report(upstreams: HealthReport['upstreams']): HealthReport {
  const self = { awareness: 0, loop_lag_ms: 0, workers: 1 };
  return { status: 'ok', version: '1.2.3', generation: 4, uptime_seconds: 1, self, upstreams };
}

function table(upstreams: HealthReport['upstreams'], more: Partial<TableOptions> = {}): string[] {
  const options = { clock: new VirtualClock(), colours: false, columns: null, rows: null, ...more };
  return statusTable(report(upstreams), options).split('\n').slice(0, -1);
}

/** What a person sees. */
function withoutColours(text: string): string {
  return text.replace(/\x1b\[\d*m/g, '');
}

const LONG = backend('a-very-long-name.of-some-service.example.com:8443');

describe('the table of the pool', () => {
  test('is whole without a width', () => {
    expect(table({ app: pool([LONG, backend('b', { status: 'ejected', load: null, latency_ms: null })]) })).toEqual(
      [
        'app  ok  1 of 2 available  least_request',
        '  BACKEND                                           STATUS   WEIGHT     IN FLIGHT  P50/P99 MS  LOAD  SINCE    REASON',
        `  a-very-long-name.of-some-service.example.com:8443  up       0.25 of 1  12         4.1/22.0    31 %  1.5 min  ${REASON}`,
        `  b                                                 ejected  0.25 of 1  12         -           -     1.5 min  ${REASON}`,
        '',
        'pulsegate 1.2.3: ok, generation 4',
      ].map((line) => line.replace(/^( {2}(?:BACKEND|b) +)/, (start) => start.padEnd(53))),
    );
  });

  test('leaves out columns in which there is nothing', () => {
    const [, titles] = table({ app: pool([backend('a', { load: null, latency_ms: null })]) });
    expect(titles).toBe('  BACKEND  STATUS  WEIGHT     IN FLIGHT  SINCE    REASON');
  });

  test('stays where it is while ages grow', () => {
    const lineAfter = (ms: number) => {
      const clock = new VirtualClock();
      clock.advanceTo(ms);
      return table({ app: pool([backend('a', { since: '2026-01-01T00:00:00.000Z' })]) }, { clock })[2] ?? '';
    };
    const places = [1, 900, 9_900, 59_900, 61_000, 9 * 60_000].map((ms) => lineAfter(ms).indexOf(REASON));
    expect(new Set(places).size).toBe(1);
  });

  test('says plainly that a backend gets nothing', () => {
    expect(table({ app: pool([backend('a', { effective_weight: 0 })]) })[2]).toContain('  0 of 1  ');
  });

  test.each([40, 60, 80, 100, 120, 160])('fits a width of %d, and says why in all but the narrowest', (columns) => {
    const lines = table({ app: pool([LONG, backend('b', { status: 'ejected' })]) }, { columns });
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    if (columns >= 60) expect(lines[1]).toMatch(/^ {2}BACKEND +STATUS .*REASON$/);
    if (columns >= 60) expect(lines[2]).toContain('3 probes failed in a');
    expect(lines[2]).toMatch(/^ {2}a-very-long-name\.of-som… {2}up /);
  });

  test('keeps what it can of the columns: at 80 weight and requests in flight, at 120 all', () => {
    expect(table({ app: pool([backend('127.0.0.1:3001')]) }, { columns: 80 })[1]).toMatch(
      /WEIGHT .*IN FLIGHT .*REASON$/,
    );
    expect(table({ app: pool([backend('127.0.0.1:3001')]) }, { columns: 120 })[1]).toMatch(
      /P50\/P99 MS .*LOAD .*SINCE /,
    );
  });

  test('is coloured without moving anything, and takes no control characters', () => {
    const evil = backend('b', { status: 'down', reason: 'x\x1b[2J\u009b\n\x07y' });
    for (const columns of [null, 20, 27, 80]) {
      const [plain, coloured] = [false, true].map((colours) =>
        table({ app: pool([evil], { status: 'down' }) }, { columns, colours }).join('\n'),
      );
      expect(withoutColours(coloured ?? '')).toBe(plain);
      expect(plain).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    }
    expect(table({ app: pool([evil]) }, { colours: true }).join('\n')).toContain('\x1b[31mdown  \x1b[0m');
  });

  test('of a status that we do not know is not painted', () => {
    const [, , line] = table({ app: pool([backend('b', { status: 'constructor' as Status })]) }, { colours: true });
    expect(line).not.toContain('\x1b');
  });

  test('fits a height: who is not up comes first, each in its place, and the rest is counted', () => {
    const backends = Array.from({ length: 100 }, (_, n) => backend(`b${n}`, { status: n === 70 ? 'down' : 'up' }));
    const lines = table({ app: pool(backends) }, { rows: 12 });
    expect(lines.length).toBeLessThanOrEqual(12);
    const names = lines.map((line) => /^ {2}(b\d+) /.exec(line)?.[1]).filter((name) => name !== undefined);
    expect(names).toEqual(['b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b70']);
    expect(lines.at(-3)).toBe('  … 93 more, all up');
  });

  test('says when some of the rest are not up either', () => {
    const backends = Array.from({ length: 30 }, (_, n) => backend(`b${n}`, { status: 'down' }));
    expect(table({ app: pool(backends) }, { rows: 10 }).at(-3)).toBe('  … 25 more');
  });

  test.each([1, 5, 10, 24])('fits a height of %d with many upstreams', (rows) => {
    const upstreams = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`u${n}`, pool([backend('a'), backend('b', { status: 'down' })])]),
    );
    const lines = table(upstreams, { rows });
    expect(lines.length).toBeLessThanOrEqual(Math.max(rows, 6));
    expect(lines.at(-2)).toMatch(/^… \d+ more upstreams$/);
    expect(lines.at(-1)).toBe('pulsegate 1.2.3: ok, generation 4');
  });

  test('shows everything where it just fits', () => {
    expect(table({ app: pool([backend('a'), backend('b')]) }, { rows: 6 })).toHaveLength(6);
    expect(table({ app: pool([backend('a'), backend('b')]) }, { rows: 6 }).join()).not.toContain('…');
  });

  test('of thousands of backends is made at once', () => {
    const backends = Array.from({ length: 20_000 }, (_, n) => backend(`b${n}`));
    expect(table({ app: pool(backends) }, { rows: 50, columns: 80 })).toHaveLength(50);
  });
});

describe('what --watch shows', () => {
  const clock = new VirtualClock();
  const size = { columns: 80, rows: 24 };
  const seen: Seen = { report: report({ app: pool([backend('a')]) }), atMs: 0, absence: null };

  test('is the table, and how to leave', () => {
    const lines = watchText(seen, size, false, clock).split('\n');
    expect(lines[0]).toBe('app  ok  1 of 1 available  least_request');
    expect(lines.at(-2)).toBe('q quits');
  });

  test('is the last table while the proxy is away, its age, and why', () => {
    clock.advanceTo(5_000);
    const absence = 'Cannot reach the admin API at http://127.0.0.1:8081: nothing listens there. Is pulsegate running?';
    const lines = watchText({ ...seen, absence }, size, false, clock).split('\n');
    expect(lines[0]).toBe('app  ok  1 of 1 available  least_request');
    expect(lines.at(-2)).toBe('Seen 5 s ago. Cannot reach the admin API at http://127.0.0.1:8081: nothing list…');
    const coloured = watchText({ ...seen, absence }, size, true, clock).split('\n');
    expect(withoutColours(coloured.at(-2) ?? '')).toBe(lines.at(-2));
  });

  test('never has more lines than the screen', () => {
    const many = report({ app: pool(Array.from({ length: 100 }, (_, n) => backend(`b${n}`))) });
    const text = watchText({ ...seen, report: many }, size, false, clock);
    expect(text.split('\n').length - 1).toBe(24);
  });
});
