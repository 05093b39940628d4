import { describe, expect, it } from 'vitest';
import { readProbeLoad } from '../../../src/control/probe-load.ts';

const JSON_PAGE = { 'content-type': 'application/json; charset=utf-8' };
const METRICS = 'endpoint-load-metrics';

describe('the load in an answer to a probe', () => {
  it('comes in the headers of responses', () => {
    expect(readProbeLoad({ [METRICS]: 'TEXT cpu_utilization=0.5' }, '')).toMatchObject({
      report: { cpuUtilization: 0.5 },
    });
  });

  it('comes in a JSON body, as in a heartbeat', () => {
    const body = JSON.stringify({ status: 'green', load: { cpu_utilization: 0.25 } });
    expect(readProbeLoad(JSON_PAGE, body)).toMatchObject({ kind: 'report', report: { cpuUtilization: 0.25 } });
  });

  it('is the header’s where both have one, and the first header’s of several', () => {
    const body = JSON.stringify({ load: { cpu_utilization: 0.25 } });
    const headers = { ...JSON_PAGE, [METRICS]: ['TEXT cpu_utilization=0.5', 'TEXT cpu_utilization=0.9'] };
    expect(readProbeLoad(headers, body)).toMatchObject({ report: { cpuUtilization: 0.5 } });
  });

  it.each([
    ['a page without it', JSON_PAGE, '{"status":"green"}'],
    ['a page that is cut short', JSON_PAGE, '{"load":{"cpu_util'],
    ['a list', JSON_PAGE, '["load"]'],
    ['text that looks like it', { 'content-type': 'text/plain' }, '{"load":{"cpu_utilization":1}}'],
    ['nothing', {}, ''],
  ])('is absent from %s', (_, headers, body) => {
    expect(readProbeLoad(headers, body)).toEqual({ kind: 'absent' });
  });

  it.each(['{"load":{"cpu_utilization":-1}}', '{"load":null}', '{"load":{"cpu_utilization":"0.5"}}', '{"load":7}'])(
    'is malformed in %s',
    (body) => {
      expect(readProbeLoad(JSON_PAGE, body).kind).toBe('malformed');
    },
  );
});
