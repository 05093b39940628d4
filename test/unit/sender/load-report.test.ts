import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLoadHeaders } from '../../../src/health/orca.ts';
import { type LoadReport, loadReport } from '../../../src/sender/load-report.ts';

/** The header that a report makes; null when it sets none. */
function headerOf(report: LoadReport): string | null {
  let header: string | null = null;
  loadReport(
    {
      setHeader(name: string, value: string) {
        if (name === 'endpoint-load-metrics') header = value;
      },
    },
    report,
  );
  return header;
}

/** What a host program without types may hand in. */
function untyped(value: unknown): LoadReport {
  return value as LoadReport;
}

/** One exchange with a node:http server, and the load header it answered with. */
async function exchange(handle: (res: ServerResponse) => void): Promise<string | string[] | undefined> {
  const server = createServer((_, res) => handle(res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await new Promise((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const req = request({ host: '127.0.0.1', port, agent: false }, (res) => {
        res.resume();
        res.on('end', () => resolve(res.headers['endpoint-load-metrics']));
      });
      req.on('error', reject);
      req.end();
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('loadReport', () => {
  it('writes what the proxy reads', () => {
    const report = {
      cpu_utilization: 0.3,
      application_utilization: 0.5,
      mem_utilization: 0.25,
      rps_fractional: 120,
      eps: 1e-7,
      named_metrics: { queue: 7, 'db.pool': 0.5 },
    };
    const parsed = parseLoadHeaders(headerOf(report) ?? '', '');
    expect(parsed).toEqual({
      kind: 'report',
      report: {
        cpuUtilization: 0.3,
        applicationUtilization: 0.5,
        memUtilization: 0.25,
        rps: 120,
        eps: 1e-7,
        namedMetrics: new Map([
          ['queue', 7],
          ['db.pool', 0.5],
        ]),
        utilization: new Map(),
      },
    });
  });

  it('sets a header on a node:http response', async () => {
    const header = await exchange((res) => {
      loadReport(res, { cpu_utilization: 0.3 });
      res.end('ok');
    });
    expect(header).toBe('TEXT cpu_utilization=0.3');
  });

  it('does nothing once the head is sent', async () => {
    const header = await exchange((res) => {
      res.flushHeaders();
      loadReport(res, { cpu_utilization: 0.3 });
      res.end('ok');
    });
    expect(header).toBeUndefined();
  });

  it.each([
    ['NaN', { eps: Number.NaN }],
    ['infinity', { rps_fractional: Number.POSITIVE_INFINITY }],
    ['a negative number', { cpu_utilization: -1 }],
    ['an absurd number', { cpu_utilization: 1e10 }],
    ['memory above one', { mem_utilization: 1.5 }],
    ['a string', untyped({ eps: '1' })],
    ['an unknown field', untyped({ cpu: 0.3 })],
    ['a key with a comma', { named_metrics: { 'a,b': 1 } }],
    ['a key with an equals sign', { named_metrics: { 'a=b': 1 } }],
    ['a key with a colon', { named_metrics: { 'a:b': 1 } }],
    ['a key with a line break', { named_metrics: { 'a\r\nb': 1 } }],
    ['a key beyond ASCII', { named_metrics: { größe: 1 } }],
    ['an empty key', { named_metrics: { '': 1 } }],
    ['a key of 129 characters', { named_metrics: { ['k'.repeat(129)]: 1 } }],
  ])('leaves out %s and keeps the rest', (_, bad) => {
    expect(headerOf(bad)).toBeNull();
    expect(headerOf({ application_utilization: 0.5, ...bad })).toBe('TEXT application_utilization=0.5');
  });

  it.each([null, undefined, 7, 'x', []])('takes %j for no report', (value) => {
    expect(headerOf(untyped(value))).toBeNull();
  });

  it('survives a report that throws', () => {
    const report = {
      get eps(): number {
        throw new Error('no such counter');
      },
    };
    expect(headerOf(report)).toBeNull();
  });

  it('never makes a header that the proxy refuses', () => {
    const key = fc.oneof(fc.string({ maxLength: 140 }), fc.string({ minLength: 120, maxLength: 128 }));
    const value = fc.oneof(fc.double(), fc.double({ min: 0, max: 1 }));
    const report = fc.record(
      {
        cpu_utilization: value,
        application_utilization: value,
        mem_utilization: value,
        rps_fractional: value,
        eps: value,
        named_metrics: fc.dictionary(key, value, { maxKeys: 100 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(report, (candidate) => {
        const header = headerOf(candidate);
        if (header !== null) expect(parseLoadHeaders(header, '')).toMatchObject({ kind: 'report' });
      }),
      { numRuns: 300 },
    );
  });

  it('stays within the bounds of one header, however many metrics there are', () => {
    const named = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${'k'.repeat(120)}${i}`, i]));
    const header = headerOf({ cpu_utilization: 0.3, named_metrics: named }) ?? '';
    expect(header.length).toBeGreaterThan(3_500);
    expect(header.length).toBeLessThan(4_200);
    const few = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, i]));
    const parsed = parseLoadHeaders(headerOf({ named_metrics: few }) ?? '', '');
    expect(parsed.kind === 'report' && parsed.report.namedMetrics.size).toBe(64);
  });
});
