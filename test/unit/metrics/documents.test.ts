/** What is written about metrics agrees with the code: the reference, the alert rules, the dashboard. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { BOUNDS_MS } from '../../../src/metrics/durations.ts';
import { FAMILIES, SERIES_DROPPED } from '../../../src/metrics/families.ts';
import { MAX_BACKENDS } from '../../../src/metrics/page.ts';
import { OUTCOME_CLASSES } from '../../../src/model/outcome.ts';
import { STATUSES } from '../../../src/model/status.ts';
import { findProgram } from '../../support/real-clients.ts';

const DOCS = join(import.meta.dirname, '../../../docs');
const reference = readFileSync(join(DOCS, 'metrics.md'), 'utf8');
const alertsFile = join(DOCS, 'alerts.yaml');
const ALL = [...FAMILIES, SERIES_DROPPED];

/** Every name that a query may use, with its labels. */
const queryable = new Map<string, readonly string[]>();
for (const { name, type, labels } of ALL) {
  if (type !== 'histogram') queryable.set(name, labels);
  else for (const suffix of ['_bucket', '_sum', '_count']) queryable.set(`${name}${suffix}`, [...labels, 'le']);
}

const OF_THE_SCRAPE = ['job', 'instance'];

/** What a query asks for that no scrape has. */
function unknownIn(query: string): string[] {
  const problems: string[] = [];
  for (const [, name = '', , matchers = ''] of query.matchAll(/\b((?:pulsegate|process)_[a-z_]+)(\{([^}]*)\})?/g)) {
    const labels = queryable.get(name);
    if (labels === undefined) problems.push(`${name} in ${query}`);
    for (const [, label = ''] of matchers.matchAll(/(?:^|,)\s*([a-z_]+)(?:=~|!~|!=|=)/g)) {
      if (labels?.includes(label) === false && !OF_THE_SCRAPE.includes(label)) problems.push(`${name}{${label}}`);
    }
  }
  return problems;
}

test('a query for what does not exist is seen', () => {
  expect(unknownIn('rate(pulsegate_request_total[5m])')).toHaveLength(1);
  expect(unknownIn('pulsegate_panic{backend="a"}')).toEqual(['pulsegate_panic{backend}']);
  expect(unknownIn('pulsegate_panic{upstream=~"$u",instance="i"}')).toEqual([]);
});

describe('the reference', () => {
  test('has a row for every metric, and no other', () => {
    const rows = reference.split('\n').filter((line) => /^\| `(pulsegate|process)_/.test(line));
    const wanted = ALL.map(({ name, type, labels, help }) => {
      return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`;
    });
    expect(rows).toEqual(wanted);
  });

  test('knows every status, every outcome, the bounds and the cap', () => {
    for (const word of [...STATUSES, ...OUTCOME_CLASSES]) expect(reference).toContain(`\`${word}\``);
    const seconds = BOUNDS_MS.filter((ms) => ms >= 1_000).map((ms) => ms / 1_000);
    expect(reference.replaceAll(/\s+/g, ' ')).toContain(`${seconds.join(', ').replace(/, (\d+)$/, ' and $1')} s.`);
    expect(reference).toContain(`At most ${MAX_BACKENDS.toLocaleString('en')} backends`);
    expect(SERIES_DROPPED.help).toContain(MAX_BACKENDS.toLocaleString('en'));
  });

  test('asks only for what exists', () => {
    const queries = [...reference.matchAll(/```promql\n(.*?)```/gs)].map(([, query]) => query as string);
    expect(queries.length).toBeGreaterThan(3);
    expect(queries.flatMap(unknownIn)).toEqual([]);
  });
});

describe('the alert rules', () => {
  const { groups } = parse(readFileSync(alertsFile, 'utf8')) as {
    groups: { rules: { alert: string; expr: string; labels: object; annotations: object }[] }[];
  };
  const rules = groups.flatMap(({ rules }) => rules);

  test('ask only for what exists, and say what to do', () => {
    expect(rules.length).toBeGreaterThan(15);
    expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
    for (const { labels, annotations } of rules) {
      expect(labels).toEqual({ severity: expect.stringMatching(/^(page|ticket|info)$/) });
      expect(Object.keys(annotations)).toEqual(['summary', 'description']);
    }
  });

  const promtool = findProgram('/usr/bin/promtool');
  test.skipIf(promtool === null)(`pass promtool${promtool === null ? ' (skipped: it is not installed)' : ''}`, () => {
    const { status, stdout, stderr } = spawnSync(promtool as string, ['check', 'rules', alertsFile], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`${rules.length} rules found`);
  });
});

describe('the dashboard', () => {
  const { panels } = JSON.parse(readFileSync(join(DOCS, 'grafana.json'), 'utf8')) as {
    panels: { id: number; type: string; title: string; targets?: { expr: string }[] }[];
  };

  test('asks only for what exists, and leaves little out', () => {
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.flatMap(unknownIn)).toEqual([]);
    const shown = ALL.filter(({ name }) => queries.some((query) => query.includes(name)));
    expect(shown.length).toBeGreaterThan(ALL.length * 0.75);
  });

  test('has a number of its own for each panel', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});
