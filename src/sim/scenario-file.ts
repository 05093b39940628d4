/**
 * A scenario as people write it: a fleet, how requests arrive, what goes wrong, and which policies to compare. Reads YAML with
 * the configuration's own fields and messages; `upstream` is an upstream of the configuration without its backends.
 */

import { z } from 'zod';
import { parseYaml } from '../config/document.ts';
import { count, duration, key, required, share, text } from '../config/fields.ts';
import { findingsOf } from '../config/issues.ts';
import { type JsonSchema, keysAt } from '../config/json-schema.ts';
import { byPlace, describe, place, valueAt } from '../config/load.ts';
import { NAME } from '../config/names.ts';
import type { Finding, Path, Problem } from '../config/problem.ts';
import { configSchema } from '../config/schema.ts';
import { didYouMean } from '../config/suggest.ts';
import { toSettings } from '../config/to-settings.ts';
import { upstream } from '../config/upstream-schema.ts';
import type { Policy, UpstreamSettings } from '../model/settings.ts';
import { simulatedBackend } from './settings.ts';

/** More would take minutes and gigabytes. */
const MAX_REQUESTS = 5_000_000;

const policy = upstream.shape.balance.unwrap();

const member = z.strictObject({
  weight: key(z.number().positive(), 1, 'Share of the traffic relative to the others, above 0.'),
  latency: key(duration({ min: '1ms' }), '20ms', 'Mean time of an answer; exponentially distributed.'),
});

const fault = z.strictObject({
  at: required(duration(), 'When it begins.'),
  for: key(duration({ min: '1ms' }).nullable(), null, 'How long it lasts; null: to the end.'),
  backends: required(z.array(z.string()).min(1), 'Whom it strikes: names of `fleet`.'),
  kind: required(
    z.enum(['kill', 'hang', 'reset', 'fail', 'slow', 'lose_probes', 'fall_silent']),
    'Nobody listens; no answer comes; connections break; status 500; longer answers; no answers to probes; no heartbeats.',
  ),
  share: key(
    share().nullable(),
    null,
    'Requests, or probes, that meet it; null: all. For hang, reset, fail and lose_probes.',
  ),
  after: key(duration().nullable(), null, 'How long a failure takes; null: as long as an answer. For reset and fail.'),
  times: key(count(2, 10_000).nullable(), null, 'How many times longer answers take; null: 10. For slow.'),
  gray: key(z.boolean(), false, 'Probes do not meet it. For hang, reset and fail.'),
});

const stall = z.strictObject({
  at: required(duration(), 'When it begins.'),
  for: required(duration({ min: '1ms' }), 'How long it lasts.'),
});

const scenario = z.strictObject({
  duration: key(duration({ min: '1s', max: '1h' }), '1m', 'How much time passes.'),
  requests_per_second: key(z.number().positive(), 100, 'Mean of a Poisson process.'),
  fleet: required(
    z.record(text(NAME.pattern, NAME.must), member).refine((named) => Object.keys(named).length > 0, {
      error: 'must name at least one backend',
    }),
    'The backends, by name.',
  ),
  heartbeats: key(z.boolean(), false, 'Whether backends push heartbeats; a killed one sends none.'),
  faults: key(z.array(fault), [], 'What goes wrong, and when.'),
  stalls: key(z.array(stall), [], 'When the proxy itself stands still.'),
  policies: key(z.array(policy).min(1), policy.options, 'What is compared: values of `balance`.'),
  upstream: key(
    upstream.omit({ backends: true, balance: true }),
    {},
    'Health, retries and timeouts, as in the configuration.',
  ),
});

export type FaultKind = Fault['kind'];
export type Fault = z.output<typeof fault>;
export type ScenarioFile = Omit<z.output<typeof scenario>, 'upstream'> & {
  /** The upstream under one of the policies. */
  readonly settingsFor: (balance: Policy) => UpstreamSettings;
};

export type LoadedScenario =
  | { readonly ok: true; readonly scenario: ScenarioFile }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** @param file the file's name, for problems */
export function loadScenario(file: string, written: string): LoadedScenario {
  const yaml = parseYaml(written);
  if (!yaml.ok) return { ok: false, problems: yaml.faults.map((found) => ({ file, path: '(document)', ...found })) };
  const parsed = scenario.safeParse(yaml.value);
  const findings = parsed.success ? check(parsed.data) : explain(parsed.error, yaml.value);
  if (!parsed.success || findings.length > 0) {
    return { ok: false, problems: findings.map((finding) => place(file, finding, yaml.locate)).sort(byPlace) };
  }
  const { upstream: _, ...rest } = parsed.data;
  const writtenUpstream = valueAt(yaml.value, ['upstream']) as object | undefined;
  return {
    ok: true,
    scenario: { ...rest, settingsFor: (balance) => settingsOf(rest, balance, writtenUpstream) },
  };
}

function explain(error: z.core.$ZodError, value: unknown): Finding[] {
  const schema = z.toJSONSchema(scenario, { target: 'draft-07', io: 'input' }) as JsonSchema;
  return findingsOf(error.issues, {
    show: (path) => describe(valueAt(value, path)),
    keysAt: (path) => keysAt(schema, path),
  });
}

/** What a configuration with this upstream would give. */
function settingsOf(
  { fleet, heartbeats }: Pick<ScenarioFile, 'fleet' | 'heartbeats'>,
  balance: Policy,
  writtenUpstream: object | undefined,
): UpstreamSettings {
  const members = Object.entries(fleet).map(([id, { weight }]) => simulatedBackend(id, weight));
  const backends = members.map(({ id, url }) => ({ id, url }));
  const upstreams = { simulated: { ...writtenUpstream, balance, backends } };
  const receiver = heartbeats ? { bind: '127.0.0.1:0' } : null;
  const config = { listeners: [{ bind: '127.0.0.1:0' }], heartbeats: receiver, upstreams };
  const [settings] = toSettings(configSchema.parse(config)).upstreams;
  return { ...(settings as UpstreamSettings), backends: members };
}

/** Which kinds of fault each key is for. */
const KINDS_OF: Readonly<Record<'share' | 'after' | 'times' | 'gray', readonly FaultKind[]>> = {
  share: ['hang', 'reset', 'fail', 'lose_probes'],
  after: ['reset', 'fail'],
  times: ['slow'],
  gray: ['hang', 'reset', 'fail'],
};

function check(file: z.output<typeof scenario>): Finding[] {
  const { duration: durationMs, requests_per_second, fleet, faults, heartbeats } = file;
  const findings = faults.flatMap((one, index) => [
    ...checkKeys(one, ['faults', index]),
    ...checkSilence(one, heartbeats, ['faults', index, 'kind']),
    ...checkTargets(one, Object.keys(fleet), ['faults', index, 'backends']),
    ...checkTime(one, index, faults, durationMs),
  ]);
  if ((requests_per_second * durationMs) / 1_000 <= MAX_REQUESTS) return findings;
  const message = `makes more than ${MAX_REQUESTS} requests in the duration`;
  return [...findings, { path: ['requests_per_second'], at: 'value', message }];
}

function checkKeys(one: Fault, path: Path): Finding[] {
  return Object.entries(KINDS_OF).flatMap(([name, kinds]): Finding[] => {
    const value = one[name as keyof typeof KINDS_OF];
    if (value === null || value === false || kinds.includes(one.kind)) return [];
    return [{ path: [...path, name], at: 'key', message: `is for ${kinds.join(', ')}, not for ${one.kind}` }];
  });
}

function checkSilence({ kind }: Fault, heartbeats: boolean, path: Path): Finding[] {
  if (kind !== 'fall_silent' || heartbeats) return [];
  return [{ path, at: 'value', message: 'needs heartbeats: true' }];
}

function checkTargets({ backends }: Fault, known: readonly string[], path: Path): Finding[] {
  return backends.flatMap((id, index): Finding[] =>
    known.includes(id)
      ? []
      : [{ path: [...path, index], at: 'value', message: `is not in fleet${didYouMean(id, known)}` }],
  );
}

/** One backend has one fault at a time. */
function checkTime(one: Fault, index: number, faults: readonly Fault[], durationMs: number): Finding[] {
  if (one.at >= durationMs) {
    return [{ path: ['faults', index, 'at'], at: 'value', message: 'must be before the end of the duration' }];
  }
  const clash = faults
    .slice(0, index)
    .findIndex(
      (other) =>
        other.backends.some((id) => one.backends.includes(id)) && one.at < endOf(other) && other.at < endOf(one),
    );
  if (clash < 0) return [];
  return [{ path: ['faults', index, 'at'], at: 'value', message: `overlaps faults[${clash}] of the same backend` }];
}

/** Milliseconds from the beginning; infinite for a fault that does not end. */
export function endOf({ at, for: lengthMs }: Fault): number {
  return at + (lengthMs ?? Number.POSITIVE_INFINITY);
}
