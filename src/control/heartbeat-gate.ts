/**
 * Decides whether a heartbeat counts, whichever way it came. In this order, and nothing is parsed before the first:
 * signature, shape, target, key scope, freshness, sequence, rate. Every refusal is counted: against the backend that it
 * names, or here when nobody can tell which that is.
 */

import type { Clock } from '../base/time.ts';
import type { HeartbeatTarget, HeartbeatView } from '../model/heartbeat.ts';
import type { HeartbeatKeyRing, Signer } from './heartbeat-keys.ts';
import type { HeartbeatSenders } from './heartbeat-senders.ts';
import { type HeartbeatMessage, parseJson, readHeartbeat } from './heartbeat-wire.ts';

export const MAX_HEARTBEAT_BYTES = 4_096;
export const MAX_BATCH_BYTES = 1_048_576;
const MAX_BATCH_ENTRIES = 500;

/** How far a sender's clock may be from ours, either way. */
const REPLAY_WINDOW_MS = 30_000;

/** What is counted, the status it is answered with, and the code (INTERFACE §3.2). */
const REFUSALS = {
  bad_heartbeat: [400, 'bad_heartbeat'],
  wrong_target: [400, 'bad_heartbeat'],
  bad_signature: [401, 'bad_signature'],
  stale: [401, 'bad_signature'],
  key_scope: [403, 'key_not_valid'],
  unknown_backend: [404, 'unknown_backend'],
  replayed: [409, 'replayed'],
  body_too_large: [413, 'body_too_large'],
  rate_limited: [429, 'rate_limited'],
} as const;

export type RefusalReason = keyof typeof REFUSALS;

export interface Refusal {
  readonly accepted: false;
  readonly reason: RefusalReason;
  readonly status: number;
  readonly error: string;
  readonly message: string;
}

export interface Acceptance {
  readonly accepted: true;
  readonly view: HeartbeatView;
}

export type Admission = Acceptance | Refusal;

/** A backend, as the path of a request names it. */
export interface TargetName {
  readonly upstream: string;
  readonly backend: string;
}

export interface SignedBody {
  readonly body: Buffer;
  /** '' = none. */
  readonly keyId: string;
  /** Hexadecimal HMAC-SHA-256 of `body`; '' = none. */
  readonly hmac: string;
  /** The sender is on this machine. */
  readonly isLocal: boolean;
}

export interface GateOptions {
  /** Empty: unsigned heartbeats from this machine only. */
  readonly keyRing: HeartbeatKeyRing;
  readonly targets: (upstream: string) => HeartbeatTarget | null;
  readonly senders: HeartbeatSenders;
  readonly clock: Clock;
}

export class HeartbeatGate {
  /** Refusals that name no backend we could count them against. */
  unattributed = 0;
  private readonly options: GateOptions;

  constructor(options: GateOptions) {
    this.options = options;
  }

  /** One heartbeat. @param target the path's; null = only the body names it (UDP) */
  admit(message: SignedBody, target: TargetName | null): Admission {
    const signer = this.authenticate(message);
    if (signer === null) return this.count(unauthenticated(this.options.keyRing), target);
    const json = parseJson(message.body);
    if (!json.ok) return this.count(refuse('bad_heartbeat', json.problem), target);
    return this.admitEntry(json.value, signer, target);
  }

  /** Up to 500 heartbeats under one signature, each judged by itself; or a refusal of the whole. */
  admitBatch(message: SignedBody): readonly Admission[] | Refusal {
    const signer = this.authenticate(message);
    if (signer === null) return this.count(unauthenticated(this.options.keyRing), null);
    const json = parseJson(message.body);
    if (!json.ok) return this.count(refuse('bad_heartbeat', json.problem), null);
    if (!Array.isArray(json.value)) return this.count(refuse('bad_heartbeat', 'a batch must be an array'), null);
    if (json.value.length > MAX_BATCH_ENTRIES) {
      return this.count(refuse('body_too_large', `a batch may have at most ${MAX_BATCH_ENTRIES} heartbeats`), null);
    }
    return json.value.map((entry: unknown) => this.admitEntry(entry, signer, null));
  }

  /** Counts a refusal that was decided elsewhere, and passes it on. */
  count(refusal: Refusal, target: TargetName | null): Refusal {
    const counted = target === null ? null : this.options.targets(target.upstream);
    if (counted === null || target === null) this.unattributed += 1;
    else counted.rejectHeartbeat(target.backend, refusal.reason);
    return refusal;
  }

  /** Null when the message must not be believed; 'local' when it needs no key. */
  private authenticate({ body, keyId, hmac, isLocal }: SignedBody): Signer | 'local' | null {
    const { keyRing } = this.options;
    if (keyRing.isEmpty) return isLocal ? 'local' : null;
    return keyRing.verify(keyId, hmac, body);
  }

  private admitEntry(value: unknown, signer: Signer | 'local', path: TargetName | null): Admission {
    const parsed = readHeartbeat(value);
    if (!parsed.ok) return this.count(refuse('bad_heartbeat', parsed.problem), path);
    const message = parsed.value;
    const named = targetOf(message, path, signer === 'local');
    if (named === null) {
      return this.count(refuse('wrong_target', 'the body must name the upstream and backend of the path'), path);
    }
    return this.judge(message, signer, named);
  }

  private judge(message: HeartbeatMessage, signer: Signer | 'local', name: TargetName): Admission {
    const { targets, senders, clock } = this.options;
    const { upstream, backend } = name;
    if (signer !== 'local' && !signer.upstreams.has(upstream)) {
      return this.count(refuse('key_scope', 'the key is not valid for this upstream'), name);
    }
    const staleness = stalenessOf(message, signer !== 'local', clock.wall());
    if (staleness !== null) return this.count(staleness, name);
    const target = targets(upstream);
    if (target === null) return this.count(refuse('unknown_backend', 'there is no such upstream'), name);
    // JSON keeps the two names apart, whatever characters they have.
    const sender = JSON.stringify([upstream, backend]);
    const at = clock.now();
    const objection = senders.objection(sender, message, at);
    if (objection !== null) return this.count(refuse(objection, OBJECTIONS[objection]), name);
    const view = target.heartbeat(backend, message.heartbeat, message.announcement);
    if (view === null) return this.count(refuse('unknown_backend', 'there is no such backend'), name);
    senders.accept(sender, message, at);
    if (message.loadProblem !== null) target.rejectHeartbeat(backend, 'bad_load');
    return { accepted: true, view };
  }
}

const OBJECTIONS = {
  replayed: 'this heartbeat, or one after it, was seen before',
  rate_limited: 'more than 50 heartbeats a second for this backend',
} as const;

export function refuse(reason: RefusalReason, message: string): Refusal {
  const [status, error] = REFUSALS[reason];
  return { accepted: false, reason, status, error, message };
}

function unauthenticated(keyRing: HeartbeatKeyRing): Refusal {
  return refuse(
    'bad_signature',
    keyRing.isEmpty ? 'without keys, only senders on this machine are accepted' : 'unknown key or wrong signature',
  );
}

/** The target, named by path, body or both alike; a signed body must name it. Null where they differ or do not say. */
function targetOf({ upstream, backend }: HeartbeatMessage, path: TargetName | null, isPathEnough: boolean) {
  if (path === null) return upstream === null || backend === null ? null : { upstream, backend };
  const isSame = (named: string | null, asked: string) => (named === null ? isPathEnough : named === asked);
  return isSame(upstream, path.upstream) && isSame(backend, path.backend) ? path : null;
}

function stalenessOf({ sentAtMs }: HeartbeatMessage, isRequired: boolean, wallMs: number): Refusal | null {
  if (sentAtMs === null) return isRequired ? refuse('bad_heartbeat', 'a signed body must carry `sent_at`') : null;
  const offMs = sentAtMs - wallMs;
  if (Math.abs(offMs) <= REPLAY_WINDOW_MS) return null;
  const seconds = Math.round(Math.abs(offMs) / 1_000);
  return refuse(
    'stale',
    `\`sent_at\` is ${seconds} s ${offMs < 0 ? 'behind' : 'ahead of'} our clock, 30 s are allowed`,
  );
}
