/** Programs of others read what we write: promtool a page, Prometheus itself a running proxy, and the alert rules fire when they should. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scrape } from '../support/metrics.ts';
import { freePort, startProcess, temporaryFolder } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { findProgram } from '../support/real-clients.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const PROMETHEUS = findProgram('/usr/bin/prometheus', '/usr/local/bin/prometheus');
const PROMTOOL = findProgram('/usr/bin/promtool', '/usr/local/bin/promtool');
const ALERTS = join(import.meta.dirname, '../../docs/alerts.yaml');
const isMissing = PROMETHEUS === null || PROMTOOL === null;

describe.skipIf(isMissing)(`Prometheus${isMissing ? ' (skipped: it is not installed)' : ''}`, () => {
  it('finds nothing to object to in a page', async () => {
    const { adminUrl, serve } = await startServing();
    await serve(3);
    const { text } = await scrape(adminUrl);
    const { status, stdout, stderr } = spawnSync(PROMTOOL as string, ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it('scrapes a running proxy, and evaluates the alert rules', { timeout: 60_000 }, async () => {
    const { adminUrl, serve } = await startServing();
    await serve(7);
    const server = await startPrometheus(new URL(adminUrl).host);
    const value = await server.until('sum(pulsegate_requests_total{job="pulsegate",code_class="2xx"})', '7');
    expect(value).toBe('7');
    await serve(5);
    await server.until('sum(pulsegate_requests_total{code_class="2xx"})', '12');
    expect(await server.query('up{job="pulsegate"}')).toEqual(['1']);
    expect(await server.query('sum(pulsegate_backend_status{status="up"})')).toEqual(['1']);
    expect(await server.query('pulsegate_request_duration_seconds_bucket{le="+Inf"}')).toEqual(['12']);
    const rules = await server.until('count(ALERTS) or vector(0)', '0').then(() => server.rules());
    expect(rules.length).toBeGreaterThan(15);
    expect(rules.filter(({ health }) => health === 'err')).toEqual([]);
  });

  it('raises an alarm for what is wrong, and none for what is not', () => {
    const folder = temporaryFolder();
    const file = join(folder, 'alerts.test.yaml');
    writeFileSync(file, JSON.stringify({ rule_files: [ALERTS], evaluation_interval: '15s', tests: [SICK, WELL] }));
    const { status, stdout, stderr } = spawnSync(PROMTOOL as string, ['test', 'rules', file], { encoding: 'utf8' });
    expect([status, `${stdout}${stderr}`]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});

/** A sample every 15 s for so many steps: `from`, and `by` more each time. */
function rising(from: number, by: number, steps = 100): string {
  return `${from}+${by}x${steps}`;
}

const UP = { series: 'up{job="pulsegate",instance="p"}', values: rising(1, 0) };

/** An upstream in panic, most of whose answers fail, with a backend that is down and another that comes and goes. */
const SICK = {
  interval: '15s',
  input_series: [
    UP,
    { series: 'pulsegate_panic{instance="p",upstream="app"}', values: rising(1, 0) },
    { series: 'pulsegate_backends{instance="p",upstream="app",status="up"}', values: rising(0, 0) },
    { series: 'pulsegate_backends{instance="p",upstream="app",status="down"}', values: rising(2, 0) },
    { series: 'pulsegate_backend_status{instance="p",upstream="app",backend="a",status="down"}', values: rising(1, 0) },
    {
      series: 'pulsegate_transitions_total{instance="p",upstream="app",backend="b",to="ejected"}',
      values: rising(0, 1),
    },
    { series: 'pulsegate_requests_total{instance="p",upstream="app",code_class="2xx"}', values: rising(0, 300) },
    { series: 'pulsegate_requests_total{instance="p",upstream="app",code_class="5xx"}', values: rising(0, 100) },
    { series: 'pulsegate_config_reloads_total{instance="p",result="failed"}', values: '0x20 1x80' },
  ],
  promql_expr_test: [
    firing('9m', 'CapacityLow', 'BackendFlapping', 'ErrorRatio', 'Panic', 'ReloadFailed', 'UpstreamDown'),
    firing('22m', 'BackendFlapping', 'BackendOut', 'CapacityLow', 'ErrorRatio', 'Panic', 'UpstreamDown'),
  ],
};

const WELL = {
  interval: '15s',
  input_series: [
    UP,
    { series: 'pulsegate_panic{instance="p",upstream="app"}', values: rising(0, 0) },
    { series: 'pulsegate_backends{instance="p",upstream="app",status="up"}', values: rising(9, 0) },
    { series: 'pulsegate_backends{instance="p",upstream="app",status="down"}', values: rising(1, 0) },
    { series: 'pulsegate_backend_status{instance="p",upstream="app",backend="a",status="down"}', values: rising(0, 0) },
    {
      series: 'pulsegate_transitions_total{instance="p",upstream="app",backend="b",to="ejected"}',
      values: '0x20 1x80',
    },
    { series: 'pulsegate_requests_total{instance="p",upstream="app",code_class="2xx"}', values: rising(0, 300) },
    { series: 'pulsegate_requests_total{instance="p",upstream="app",code_class="5xx"}', values: rising(0, 1) },
    { series: 'pulsegate_config_reloads_total{instance="p",result="failed"}', values: rising(3, 0) },
  ],
  promql_expr_test: [firing('9m'), firing('22m')],
};

/** Exactly these alerts fire then. */
function firing(at: string, ...names: readonly string[]): object {
  return {
    expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
    eval_time: at,
    exp_samples: names.map((name) => ({ labels: `{alertname="Pulsegate${name}"}`, value: 1 })),
  };
}

interface Serving {
  readonly adminUrl: string;
  serve(requests: number): Promise<void>;
}

async function startServing(): Promise<Serving> {
  const backend = await startRecordingBackend();
  const { port, adminPort } = await startProxy({
    backends: [backend.url],
    upstream: { initial_state: 'up', probe: { type: 'tcp' } },
    admin: true,
  });
  return {
    adminUrl: `http://127.0.0.1:${adminPort}`,
    async serve(requests) {
      for (let i = 0; i < requests; i++) await (await fetch(`http://127.0.0.1:${port}/`)).text();
    },
  };
}

interface Rule {
  readonly name: string;
  readonly health: string;
}

interface PrometheusServer {
  /** The values of an instant query, as Prometheus writes them. */
  query(expression: string): Promise<string[]>;
  /** Asks again until the first value is `wanted`, for as long as a scrape and its evaluation may take. */
  until(expression: string, wanted: string): Promise<string>;
  rules(): Promise<Rule[]>;
}

async function startPrometheus(target: string): Promise<PrometheusServer> {
  const folder = temporaryFolder();
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [ALERTS],
    scrape_configs: [{ job_name: 'pulsegate', static_configs: [{ targets: [target] }] }],
  };
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  expect(readFileSync(ALERTS, 'utf8')).toContain('groups:');
  const running = startProcess(PROMETHEUS as string, [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  let hasExited = false;
  void running.exited.then(() => {
    hasExited = true;
  });
  const ask = async <T>(path: string): Promise<T | null> => {
    if (hasExited) throw new Error(`Prometheus ended: ${running.lines.join('\n')}`);
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return answer.ok ? ((await answer.json()) as { data: T }).data : null;
    } catch {
      return null; // not up yet
    }
  };
  const query = async (expression: string): Promise<string[]> => {
    const found = await ask<{ result: { value: [number, string] }[] }>(
      `/api/v1/query?query=${encodeURIComponent(expression)}`,
    );
    return found?.result.map(({ value }) => value[1]) ?? [];
  };
  return {
    query,
    async until(expression, wanted) {
      const untilMs = performance.now() + 40_000;
      let [value] = await query(expression);
      while (value !== wanted) {
        if (performance.now() > untilMs) throw new Error(`${expression} is ${value}, expected ${wanted}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
        [value] = await query(expression);
      }
      return value;
    },
    async rules() {
      const found = await ask<{ groups: { rules: Rule[] }[] }>('/api/v1/rules');
      return found?.groups.flatMap(({ rules }) => rules) ?? [];
    },
  };
}
