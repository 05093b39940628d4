/**
 * The form of the state file, and reading it at the start: what probes said of each backend before the restart. One JSON document
 * with a version and a checksum over the rest. A file that is damaged, stale, of another version or of other backends is
 * ignored with a reason: no memory is always safe, a wrong one is not.
 */

import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { formatDuration } from '../base/time.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { Log } from '../model/log.ts';
import type { Memory } from '../model/memory.ts';
import type { Upstream } from './upstream.ts';

const VERSION = 1;
const STALE_AFTER_MS = 3_600_000;
/** How far the wall clock may have been set back since the file was written. */
const SKEW_MS = 60_000;
/** A hundred thousand backends take less. */
const SIZE_LIMIT_BYTES = 32 * 2 ** 20;

export interface BackendState extends Memory {
  readonly id: string;
  /** An id that has moved to another address says nothing about it. */
  readonly url: string;
}

export interface UpstreamState {
  readonly name: string;
  readonly backends: readonly BackendState[];
}

interface State {
  /** Milliseconds since the Unix epoch: the only clock that a restart leaves running. */
  readonly savedAtMs: number;
  readonly upstreams: readonly UpstreamState[];
}

/** By upstream, then by backend id. */
export type Memories = ReadonlyMap<string, ReadonlyMap<string, Memory>>;

export type StateReading =
  | { readonly kind: 'absent' }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'read'; readonly memories: Memories; readonly ageMs: number };

/** The backends of an upstream about which probes have decided. */
export function rememberUpstream(upstream: Upstream, at: number): UpstreamState {
  const backends = upstream.snapshot.entries.flatMap(({ backend: { id, url } }): BackendState[] => {
    const { verdict, sinceMs } = upstream.recordOf(id).probe;
    const isDecided = (verdict === 'up' || verdict === 'down') && sinceMs !== null;
    return isDecided ? [{ id, url, verdict, ageMs: Math.round(at - sinceMs) }] : [];
  });
  return { name: upstream.name, backends };
}

/** @param savedAtMs wall clock */
export function encodeState(upstreams: readonly UpstreamState[], savedAtMs: number): string {
  const state: State = { savedAtMs, upstreams };
  return `${JSON.stringify({ version: VERSION, checksum: checksumOf(state), state })}\n`;
}

type Configured = readonly { readonly name: string; readonly backends: readonly BackendSpec[] }[];

/**
 * @param configured the backends whose memory is wanted
 * @param wallMs now, by the wall clock
 */
export function readState(path: string, configured: Configured, wallMs: number): StateReading {
  const text = readText(path);
  if (text === null) return { kind: 'absent' };
  const state = typeof text === 'string' ? decode(text) : text;
  if ('problem' in state) return { kind: 'ignored', reason: state.problem };
  const ageMs = wallMs - state.savedAtMs;
  if (ageMs > STALE_AFTER_MS) return { kind: 'ignored', reason: `it is ${formatDuration(ageMs)} old` };
  if (ageMs < -SKEW_MS) return { kind: 'ignored', reason: `it was written ${formatDuration(-ageMs)} from now` };
  const memories = match(state.upstreams, configured, Math.max(0, ageMs));
  if (memories.size === 0) return { kind: 'ignored', reason: 'it is about other backends' };
  return { kind: 'read', memories, ageMs: Math.max(0, ageMs) };
}

/** `readState`, with what came of it in the log. */
export function recall(path: string, configured: Configured, wallMs: number, log: Log): Memories {
  if (configured.length === 0) return new Map();
  const reading = readState(path, configured, wallMs);
  switch (reading.kind) {
    case 'read':
      log.info({ path }, `state file ${path}, written ${formatDuration(reading.ageMs)} ago: health is taken up`);
      return reading.memories;
    case 'absent':
      log.info({ path }, `state file ${path}: there is none yet`);
      return new Map();
    case 'ignored':
      log.warn({ path }, `state file ${path} is ignored: ${reading.reason}`);
      return new Map();
  }
}

interface Problem {
  readonly problem: string;
}

/** null when there is no file. */
function readText(path: string): string | Problem | null {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return null;
    if (!stat.isFile()) return { problem: 'it is not a file' };
    if (stat.size > SIZE_LIMIT_BYTES) return { problem: `it is larger than ${SIZE_LIMIT_BYTES / 2 ** 20} MiB` };
    return readFileSync(path, 'utf8');
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function decode(text: string): State | Problem {
  let document: { readonly version?: unknown; readonly checksum?: unknown; readonly state?: State } | null;
  try {
    document = JSON.parse(text);
  } catch {
    return { problem: 'it is damaged: no JSON' };
  }
  if (typeof document !== 'object' || document === null) return { problem: 'it is damaged: no state' };
  const { version, checksum, state } = document;
  if (version !== VERSION) return { problem: `its version is ${JSON.stringify(version)}, not ${VERSION}` };
  // Whoever passes this was written by `encodeState`, so its shape needs no further look.
  if (state === undefined || checksum !== checksumOf(state)) return { problem: 'it is damaged: the checksum is wrong' };
  return state;
}

function checksumOf(state: State): string {
  return createHash('sha256').update(JSON.stringify(state)).digest('hex');
}

function match(upstreams: readonly UpstreamState[], configured: Configured, elapsedMs: number): Memories {
  const memories = new Map<string, ReadonlyMap<string, Memory>>();
  for (const { name, backends } of configured) {
    const known = new Map(upstreams.find((upstream) => upstream.name === name)?.backends.map((one) => [one.id, one]));
    const found = new Map<string, Memory>();
    for (const { id, url } of backends) {
      const one = known.get(id);
      if (one?.url === url) found.set(id, { verdict: one.verdict, ageMs: one.ageMs + elapsedMs });
    }
    if (found.size > 0) memories.set(name, found);
  }
  return memories;
}
