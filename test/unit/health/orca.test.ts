import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLoadHeaders, parseLoadObject } from '../../../src/health/orca.ts';
import type { LoadReport } from '../../../src/model/load.ts';

interface HeaderCase {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expect: Readonly<Record<string, number | Record<string, number>>> | null;
  readonly error: string | null;
}

const vectors = JSON.parse(readFileSync(new URL('../../fixtures/orca-header.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly HeaderCase[];
};

/** The kind, so that a wrong verdict prints the detail beside it. */
function verdict(metrics: string, metricsBin = ''): string {
  const parsed = parseLoadHeaders(metrics, metricsBin);
  return parsed.kind === 'malformed' ? `malformed: ${parsed.detail}` : parsed.kind;
}

function reportOf(metrics: string, metricsBin = ''): LoadReport {
  const parsed = parseLoadHeaders(metrics, metricsBin);
  if (parsed.kind !== 'report') throw new Error(`expected a report, got ${verdict(metrics, metricsBin)}`);
  return parsed.report;
}

function toWire(report: LoadReport): object {
  return {
    cpu_utilization: report.cpuUtilization,
    mem_utilization: report.memUtilization,
    application_utilization: report.applicationUtilization,
    rps_fractional: report.rps,
    eps: report.eps,
    named_metrics: Object.fromEntries(report.namedMetrics),
    utilization: Object.fromEntries(report.utilization),
  };
}

const UNSET = toWire(reportOf('TEXT '));

describe('the vectors of Envoy', () => {
  it.each(vectors.cases)('$name', ({ headers, expect: expected, error }) => {
    const metrics = headers['endpoint-load-metrics'] ?? '';
    const metricsBin = headers['endpoint-load-metrics-bin'] ?? '';
    if (expected !== null) {
      expect(toWire(reportOf(metrics, metricsBin))).toEqual({ ...UNSET, ...expected });
      return;
    }
    // Envoy calls an empty header invalid; to us it is as good as none.
    const kind = error === 'not_found' || metrics + metricsBin === '' ? 'absent' : 'malformed';
    expect(parseLoadHeaders(metrics, metricsBin).kind).toBe(kind);
  });
});

describe('accepted reports', () => {
  it.each([
    ['a utilization map', 'TEXT utilization.total=0.5', { utilization: { total: 0.5 } }],
    ['blanks after commas', 'TEXT cpu_utilization=0.3, eps=1', { cpu_utilization: 0.3, eps: 1 }],
    ['empty items', 'TEXT cpu_utilization=0.3,,', { cpu_utilization: 0.3 }],
    ['exponents and plus signs', 'TEXT rps_fractional=+1.5e2,eps=.5', { rps_fractional: 150, eps: 0.5 }],
    ['a dot inside a key', 'TEXT named_metrics.a.b=1', { named_metrics: { 'a.b': 1 } }],
    ['utilization above one', 'TEXT cpu_utilization=7', { cpu_utilization: 7 }],
    ['zero, which means unset', 'TEXT cpu_utilization=0', {}],
    [
      'lowerCamelCase JSON',
      'JSON {"cpuUtilization":0.3,"rpsFractional":9}',
      { cpu_utilization: 0.3, rps_fractional: 9 },
    ],
    ['JSON null as unset', 'JSON {"cpu_utilization":null}', {}],
    ['the deprecated rps', 'JSON {"rps":"120","eps":1}', { eps: 1 }],
    ['request costs, unread', 'JSON {"request_cost":{"db":3}}', {}],
    ['an escaped key', 'JSON {"named_metrics":{"a\\"b:":1}}', { named_metrics: { 'a"b:': 1 } }],
    ['keys that objects inherit', 'JSON {"named_metrics":{"__proto__":1,"constructor":2}}', null],
  ])('%s', (_, metrics, expected) => {
    const wire = toWire(reportOf(metrics));
    if (expected !== null) expect(wire).toEqual({ ...UNSET, ...expected });
    else expect([...reportOf(metrics).namedMetrics.keys()]).toEqual(['__proto__', 'constructor']);
  });

  it('prefers the binary header', () => {
    const report = reportOf('TEXT cpu_utilization=0.9', 'CQAAAAAAAOA/');
    expect(report.cpuUtilization).toBe(0.5);
  });

  it('reads base64 without padding, as grpc-go sends it', () => {
    const report = reportOf('', 'CQAAAAAAAOA/MQAAAAAAAFlAOQAAAAAAAABAQg4KA3JpZhEAAAAAAAAQQA');
    expect(toWire(report)).toEqual({
      ...UNSET,
      cpu_utilization: 0.5,
      rps_fractional: 100,
      eps: 2,
      named_metrics: { rif: 4 },
    });
  });

  it('takes 64 named metrics of 128 characters', () => {
    const items = Array.from({ length: 64 }, (_, i) => `named_metrics.${'k'.repeat(90)}${i}=1`);
    expect(reportOf(`TEXT ${items.join(',')}`).namedMetrics.size).toBe(64);
    expect(reportOf(`TEXT named_metrics.${'k'.repeat(128)}=1`).namedMetrics.size).toBe(1);
  });
});

describe('refused reports', () => {
  it.each([
    ['an unknown prefix', 'BADBAD x'],
    ['a prefix in lower case', 'text cpu_utilization=0.3'],
    ['no prefix', 'cpu_utilization=0.3'],
    ['a prefix without its space', 'TEXT'],
    ['no value', 'TEXT not-a-list'],
    ['an empty value', 'TEXT cpu_utilization='],
    ['an empty name', 'TEXT =0.3'],
    ['a blank before the separator', 'TEXT cpu_utilization =0.3'],
    ['hexadecimal', 'TEXT cpu_utilization=0x1'],
    ['a decimal comma', 'TEXT cpu_utilization=0,3'],
    ['a digit group', 'TEXT rps_fractional=1_000'],
    ['a percentage', 'TEXT cpu_utilization=30%'],
    ['NaN', 'TEXT cpu_utilization=NaN'],
    ['negative infinity', 'TEXT cpu_utilization=-inf'],
    ['negative', 'TEXT eps=-1'],
    ['minus zero', 'TEXT eps=-0'],
    ['overflow to infinity', 'TEXT rps_fractional=1e400'],
    ['an absurd rate', 'TEXT rps_fractional=1e308'],
    ['an absurd utilization', 'TEXT cpu_utilization=1e308'],
    ['an absurd named metric', 'TEXT named_metrics.x=1e308'],
    ['memory above one', 'TEXT mem_utilization=1.1'],
    ['a utilization entry above one', 'TEXT utilization.x=1.1'],
    ['an empty utilization key', 'TEXT utilization.=1'],
    ['a map TEXT cannot carry', 'TEXT request_cost.x=1'],
    ['an unknown map', 'TEXT other.x=1'],
    ['the deprecated rps in TEXT', 'TEXT rps=1'],
    ['one bad value among good ones', 'TEXT cpu_utilization=0.3,eps=x'],
    ['65 named metrics', `TEXT ${Array.from({ length: 65 }, (_, i) => `named_metrics.k${i}=1`).join(',')}`],
    ['a key of 129 characters', `TEXT named_metrics.${'k'.repeat(129)}=1`],
    ['more than 8 KiB', `TEXT cpu_utilization=0.${'3'.repeat(8192)}`],
    ['JSON that is no object', 'JSON [0.3]'],
    ['JSON null', 'JSON null'],
    ['a number as a JSON string', 'JSON {"cpu_utilization":"0.7"}'],
    ['a JSON boolean', 'JSON {"cpu_utilization":true}'],
    ['an unknown JSON member', 'JSON {"cpu":0.3}'],
    ['an inherited name', 'JSON {"constructor":0.3}'],
    ['a JSON member twice', 'JSON {"eps":1,"eps":1}'],
    ['a JSON member twice, escaped once', 'JSON {"eps":1,"\\u0065ps":1}'],
    ['a JSON member in both spellings', 'JSON {"cpuUtilization":0.3,"cpu_utilization":0.3}'],
    ['a JSON map key twice', 'JSON {"named_metrics":{"a":1,"a":2}}'],
    ['null in a JSON map', 'JSON {"named_metrics":{"a":null}}'],
    ['a list for a JSON map', 'JSON {"named_metrics":[1]}'],
    ['minus zero in JSON', 'JSON {"eps":-0}'],
    ['overflow in JSON', 'JSON {"eps":1e400}'],
    ['an empty BIN', 'BIN '],
    ['base64 of the URL alphabet', 'BIN CQAAAAAAAOA_'],
    ['a blank in base64', 'BIN CQAA AAAAAOA/'],
    ['too much padding', 'BIN CQAAAAAAAOA/=='],
    ['stray bits in base64', 'BIN OB=='],
  ])('%s', (_, metrics) => {
    expect(verdict(metrics)).toMatch(/^malformed: ./);
  });

  it('says what is wrong in one short phrase without control characters', () => {
    const parsed = parseLoadHeaders(`TEXT cpu_utilization=\u001b[31m${'x'.repeat(4000)}`, '');
    if (parsed.kind !== 'malformed') throw new Error(parsed.kind);
    expect(parsed.detail.length).toBeLessThan(200);
    expect(parsed.detail).toContain('\\u001b');
  });

  it('does not fall back to the text header when the binary one is bad', () => {
    expect(parseLoadHeaders('TEXT cpu_utilization=0.3', '!').kind).toBe('malformed');
  });
});

describe('the load of a heartbeat', () => {
  it('is read with the same rules', () => {
    const parsed = parseLoadObject({ cpu_utilization: 0.3, named_metrics: { queue: 7 } });
    if (parsed.kind !== 'report') throw new Error(parsed.detail);
    expect(toWire(parsed.report)).toEqual({ ...UNSET, cpu_utilization: 0.3, named_metrics: { queue: 7 } });
  });

  it.each([undefined, null, 0.3, 'x', [], { cpu: 1 }, { eps: Number.NaN }, { eps: '1' }])('refuses %j', (value) => {
    expect(parseLoadObject(value).kind).toBe('malformed');
  });
});

describe('any bytes', () => {
  const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  const grammar = fc
    .array(
      fc.constantFrom('TEXT ', 'cpu_utilization', 'named_metrics.', '=', ':', ',', '0.3', '1e9', '-', '"', '{', '}'),
    )
    .map((parts) => parts.join(''));

  it('never throw, and what is accepted is finite and not negative', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('TEXT ', 'JSON ', 'BIN ', ''),
        fc.oneof(latin1, grammar, fc.json()),
        (prefix, rest) => {
          const parsed = parseLoadHeaders(prefix + rest, '');
          if (parsed.kind !== 'report') return;
          const { namedMetrics, utilization, ...scalars } = parsed.report;
          for (const value of [...Object.values(scalars), ...namedMetrics.values(), ...utilization.values()]) {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('are read in linear time: 8 KiB of digits before a letter decide at once', () => {
    // Quadratic backtracking would take 8 KiB squared for each of these headers.
    const header = `TEXT eps=${'1'.repeat(8000)}x`;
    for (let i = 0; i < 1000; i++) expect(parseLoadHeaders(header, '').kind).toBe('malformed');
  });
});
