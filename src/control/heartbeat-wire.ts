/**
 * The JSON of a heartbeat (docs/heartbeats.md), from bytes to values. Members that we know must have their type and
 * range; members that we do not know are left alone, so that a sender may be newer than we are. Nothing here throws, and
 * nothing walks deeper into a value than the members it names, so nesting costs nothing.
 */

import { isUtf8 } from 'node:buffer';
import { parseLoadObject } from '../health/orca.ts';
import { isRefusal, parseBackendUrl } from '../model/backend-url.ts';
import type { Announcement, Heartbeat, SelfReport } from '../model/heartbeat.ts';
import type { LoadReport } from '../model/load.ts';

/** One heartbeat as it came, before anybody knows whether it may be believed. */
export interface HeartbeatMessage {
  /** The target that the signed body names; null = it names none. */
  readonly upstream: string | null;
  readonly backend: string | null;
  /** The sender's wall clock, milliseconds since 1970. */
  readonly sentAtMs: number | null;
  readonly heartbeat: Heartbeat;
  /** null = the sender does not say where it is. */
  readonly announcement: Announcement | null;
  /** Why the load report was dropped; null = there was none, or it was good. A bad report does not spoil the heartbeat. */
  readonly loadProblem: string | null;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const SELF_REPORTS: ReadonlySet<unknown> = new Set<SelfReport>(['up', 'draining', 'down']);

const NAME = /^[^\u0000-\u001f\u007f-\u009f]{1,256}$/;
const MAX_WEIGHT = 1_000_000;
const BOOT = /^[\x21-\x7e]{1,128}$/;

/** Any JSON value out of UTF-8 bytes. */
export function parseJson(body: Buffer): Parsed<unknown> {
  if (!isUtf8(body)) return refused('the body is not UTF-8');
  try {
    return { ok: true, value: JSON.parse(body.toString('utf8')) };
  } catch {
    return refused('the body is not JSON');
  }
}

/** One heartbeat out of a parsed value. */
export function readHeartbeat(value: unknown): Parsed<HeartbeatMessage> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refused('it must be an object');
  const { upstream, backend, boot, seq, sent_at, status, version, role, in_flight, load, url, weight } =
    value as Members;
  if (!isOptional(upstream, isName)) return refused('`upstream` must be a name');
  if (!isOptional(backend, isName)) return refused('`backend` must be a name');
  if (typeof boot !== 'string' || !BOOT.test(boot)) return refused('`boot` must be 1 to 128 visible ASCII characters');
  if (!isCount(seq)) return refused('`seq` must be an integer >= 0');
  if (!isOptional(sent_at, isCount)) return refused('`sent_at` must be milliseconds since 1970');
  if (!isOptional(status, isSelfReport)) return refused('`status` must be up, draining or down');
  if (!isOptional(version, isName)) return refused('`version` must be 1 to 256 printable characters');
  if (!isOptional(role, isName)) return refused('`role` must be 1 to 256 printable characters');
  if (!isOptional(in_flight, isCount)) return refused('`in_flight` must be an integer >= 0');
  if (!isOptional(url, isName)) return refused('`url` must be text');
  if (!isOptional(weight, isWeight)) return refused('`weight` must be a number above 0, and at most 1000000');
  const address = typeof url === 'string' ? parseBackendUrl(url) : null;
  if (address !== null && isRefusal(address)) return refused(`\`url\` ${address.must}`);
  const report = readLoad(load);
  return {
    ok: true,
    value: {
      upstream: upstream ?? null,
      backend: backend ?? null,
      sentAtMs: sent_at ?? null,
      heartbeat: {
        boot,
        seq,
        status: status ?? 'up',
        version: version ?? null,
        role: role ?? null,
        load: report.load,
        inFlight: in_flight ?? null,
      },
      announcement: address === null ? null : { address, weight: weight ?? null },
      loadProblem: report.problem,
    },
  };
}

/** Members of a parsed value. JSON.parse makes own properties only, so that none can reach a prototype. */
type Members = Readonly<Record<string, unknown>>;

function readLoad(value: unknown): { readonly load: LoadReport | null; readonly problem: string | null } {
  if (value === undefined || value === null) return { load: null, problem: null };
  const parsed = parseLoadObject(value);
  return parsed.kind === 'report' ? { load: parsed.report, problem: null } : { load: null, problem: parsed.detail };
}

/** null counts as absent. */
function isOptional<T>(value: unknown, is: (value: unknown) => value is T): value is T | null | undefined {
  return value === undefined || value === null || is(value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isWeight(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MAX_WEIGHT;
}

function isSelfReport(value: unknown): value is SelfReport {
  return SELF_REPORTS.has(value);
}

function refused(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
