import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import type { Clock } from '../../../src/base/time.ts';
import { HeartbeatGate, type SignedBody } from '../../../src/control/heartbeat-gate.ts';
import { HeartbeatKeyRing } from '../../../src/control/heartbeat-keys.ts';
import { HeartbeatSenders } from '../../../src/control/heartbeat-senders.ts';
import type { Heartbeat, HeartbeatTarget } from '../../../src/model/heartbeat.ts';

const WALL_MS = 1_763_690_000_000;
const KEYS = [
  { id: 'fleet-1', secret: 'first secret', upstreams: ['app'] },
  { id: 'fleet-2', secret: 'second secret', upstreams: ['app', 'api'] },
];
const B = { upstream: 'app', backend: 'b' };
const VIEW = { state: 'up', effectiveWeight: 1, inFlight: 0, nextInMs: 2_000, why: 'alive', commands: [] };

let nowMs: number;
let accepted: Heartbeat[];
let rejected: string[];
let gate: HeartbeatGate;

const clock: Clock = { now: () => nowMs, wall: () => WALL_MS + nowMs, at: () => ({ cancel: () => {} }) };

const target: HeartbeatTarget = {
  heartbeat: (backend, heartbeat) => {
    if (backend !== 'b' && backend !== 'c') return null;
    accepted.push(heartbeat);
    return VIEW;
  },
  rejectHeartbeat: (backend, reason) => rejected.push(`${backend} ${reason}`),
};

function gateWith(keys: typeof KEYS): HeartbeatGate {
  const targets = (upstream: string) => (upstream === 'app' || upstream === 'api' ? target : null);
  return new HeartbeatGate({ keyRing: new HeartbeatKeyRing(keys), targets, senders: new HeartbeatSenders(), clock });
}

function signed(value: unknown, { id, secret } = KEYS[0] as (typeof KEYS)[0]): SignedBody {
  const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return { body, keyId: id, hmac: createHmac('sha256', secret).update(body).digest('hex'), isLocal: false };
}

function beatOf(seq: number, changes: object = {}): object {
  return { ...B, boot: 'boot-1', seq, sent_at: WALL_MS + nowMs, status: 'up', ...changes };
}

/** The reason for which one heartbeat is refused; `accepted` when it is not. */
function verdictOn(message: SignedBody, path: typeof B | null = B): string {
  const admission = gate.admit(message, path);
  return admission.accepted ? 'accepted' : `${admission.status} ${admission.reason}`;
}

beforeEach(() => {
  nowMs = 0;
  accepted = [];
  rejected = [];
  gate = gateWith(KEYS);
});

describe('HeartbeatGate', () => {
  it('passes on what an authentic heartbeat says', () => {
    const load = { cpu_utilization: 0.3, named_metrics: { queue: 7 } };
    expect(
      verdictOn(signed(beatOf(17, { status: 'draining', version: '1.4', role: 'primary', in_flight: 12, load }))),
    ).toBe('accepted');
    expect(accepted).toEqual([
      expect.objectContaining({
        boot: 'boot-1',
        seq: 17,
        status: 'draining',
        version: '1.4',
        role: 'primary',
        inFlight: 12,
      }),
    ]);
    expect(accepted[0]?.load?.cpuUtilization).toBe(0.3);
    expect(rejected).toEqual([]);
  });

  it.each([
    ['another secret', () => signed(beatOf(1), { id: 'fleet-1', secret: 'guess', upstreams: [] })],
    ['an unknown key', () => signed(beatOf(1), { id: 'fleet-9', secret: 'first secret', upstreams: [] })],
    ['no signature', () => ({ ...signed(beatOf(1)), hmac: '' })],
    ['a cut signature', () => ({ ...signed(beatOf(1)), hmac: signed(beatOf(1)).hmac.slice(1) })],
    ['a changed body', () => ({ ...signed(beatOf(1)), body: signed(beatOf(2)).body })],
    ['a key named as a member of every object', () => ({ ...signed(beatOf(1)), keyId: '__proto__' })],
  ])('refuses %s before reading the body', (_, message) => {
    expect(verdictOn(message())).toBe('401 bad_signature');
    expect(rejected).toEqual(['b bad_signature']);
  });

  it.each([
    ['no JSON', 'x'],
    ['no UTF-8', undefined],
    ['an array', []],
    ['null', null],
    ['no boot', { ...B, seq: 1 }],
    ['an empty boot', { ...B, boot: '', seq: 1 }],
    ['a boot that is no string', { ...B, boot: ['x'], seq: 1 }],
    ['a negative seq', { ...B, boot: 'x', seq: -1 }],
    ['a fractional seq', { ...B, boot: 'x', seq: 1.5 }],
    ['a seq beyond exact integers', { ...B, boot: 'x', seq: 2 ** 53 }],
    ['a seq in quotes', { ...B, boot: 'x', seq: '1' }],
    ['a status of its own', { ...B, boot: 'x', seq: 1, status: 'toString' }],
    ['a version with control characters', { ...B, boot: 'x', seq: 1, version: 'a\u001b[2J' }],
    ['a negative in_flight', { ...B, boot: 'x', seq: 1, in_flight: -1 }],
    ['no sent_at though signed', { ...B, boot: 'x', seq: 1 }],
    ['members that come by prototype', `{"upstream":"app","backend":"b","__proto__":{"boot":"x","seq":1}}`],
    ['nesting without end', '['.repeat(2_000) + ']'.repeat(2_000)],
  ])('refuses a body with %s', (_, value) => {
    const body = value === undefined ? Buffer.from([0x22, 0xff, 0x22]) : null;
    const message = signed(value ?? null);
    const hmac = body === null ? message.hmac : createHmac('sha256', 'first secret').update(body).digest('hex');
    expect(verdictOn({ ...message, body: body ?? message.body, hmac })).toBe('400 bad_heartbeat');
    expect(accepted).toEqual([]);
  });

  it('ignores members that it does not know, so that senders may be newer', () => {
    expect(verdictOn(signed(beatOf(1, { checks: { db: 'ok' }, tomorrow: [[[]]] })))).toBe('accepted');
  });

  it('takes the heartbeat and drops a load report that cannot be believed', () => {
    expect(verdictOn(signed(beatOf(1, { load: { cpu_utilization: -1 } })))).toBe('accepted');
    expect(accepted[0]?.load).toBe(null);
    expect(rejected).toEqual(['b bad_load']);
  });

  it('refuses a body that names another target than the path, or none', () => {
    expect(verdictOn(signed(beatOf(1, { backend: 'c' })))).toBe('400 wrong_target');
    expect(verdictOn(signed(beatOf(2, { upstream: 'api' })))).toBe('400 wrong_target');
    expect(verdictOn(signed(beatOf(3, { upstream: undefined })))).toBe('400 wrong_target');
    expect(verdictOn(signed(beatOf(4, { backend: undefined })), null)).toBe('400 wrong_target');
  });

  it('holds a key to its upstreams', () => {
    const path = { upstream: 'api', backend: 'b' };
    expect(verdictOn(signed(beatOf(1, path)), path)).toBe('403 key_scope');
    expect(verdictOn(signed(beatOf(1, path), KEYS[1]), path)).toBe('accepted');
  });

  it('accepts the old and the new key of a rotation, and no longer a key that is gone', () => {
    expect(verdictOn(signed(beatOf(1), KEYS[0]))).toBe('accepted');
    expect(verdictOn(signed(beatOf(2), KEYS[1]))).toBe('accepted');
    gate = gateWith(KEYS.slice(1));
    expect(verdictOn(signed(beatOf(3), KEYS[0]))).toBe('401 bad_signature');
  });

  it('allows clocks to differ by 30 s', () => {
    const at = (offMs: number, seq: number) =>
      verdictOn(signed(beatOf(seq, { sent_at: WALL_MS + offMs, boot: `at${seq}` })));
    expect([at(-30_001, 1), at(-30_000, 2), at(30_000, 3), at(30_001, 4)]).toEqual([
      '401 stale',
      'accepted',
      'accepted',
      '401 stale',
    ]);
  });

  it('knows no backend but those that exist, and remembers nothing of others', () => {
    const path = { upstream: 'app', backend: 'nobody' };
    expect(verdictOn(signed(beatOf(1, path)), path)).toBe('404 unknown_backend');
    expect(verdictOn(signed(beatOf(1, path)), path)).toBe('404 unknown_backend');
  });

  it('counts every sequence number once, and takes no older one after it', () => {
    const [first, second, fourth] = [1, 2, 4].map((seq) => signed(beatOf(seq))) as [SignedBody, SignedBody, SignedBody];
    expect([second, second, first, fourth].map((message) => verdictOn(message))).toEqual([
      'accepted',
      '409 replayed',
      '409 replayed',
      'accepted',
    ]);
    expect(rejected).toEqual(['b replayed', 'b replayed']);
  });

  it('refuses an earlier process once a new one spoke', () => {
    expect(verdictOn(signed(beatOf(900)))).toBe('accepted');
    nowMs = 1_000;
    expect(verdictOn(signed(beatOf(1, { boot: 'boot-2' })))).toBe('accepted');
    expect(verdictOn(signed(beatOf(901)))).toBe('409 replayed');
    expect(verdictOn(signed(beatOf(2, { boot: 'boot-2' })))).toBe('accepted');
  });

  it('does not let a delayed message of an unseen older process displace the living one', () => {
    const delayed = signed(beatOf(5, { boot: 'boot-0' }));
    nowMs = 10_000;
    expect(verdictOn(signed(beatOf(1)))).toBe('accepted');
    expect(verdictOn(delayed)).toBe('409 replayed');
    expect(verdictOn(signed(beatOf(2)))).toBe('accepted');
  });

  it('takes 50 heartbeats a second of a backend, and replays do not use them up', () => {
    const verdicts: string[] = [];
    for (let seq = 1; seq <= 60; seq++) {
      verdicts.push(verdictOn(signed(beatOf(seq))));
      if (seq < 50) expect(verdictOn(signed(beatOf(seq)))).toBe('409 replayed');
    }
    expect(verdicts.filter((verdict) => verdict === 'accepted')).toHaveLength(50);
    expect(verdicts.at(-1)).toBe('429 rate_limited');
    const other = { upstream: 'app', backend: 'c' };
    expect(verdictOn(signed(beatOf(1, other)), other)).toBe('accepted');
    nowMs = 1_000;
    expect(verdictOn(signed(beatOf(61)))).toBe('accepted');
  });

  it('without keys, believes this machine only', () => {
    gate = gateWith([]);
    const message = { body: Buffer.from('{"boot":"x","seq":1}'), keyId: '', hmac: '' };
    expect(verdictOn({ ...message, isLocal: false })).toBe('401 bad_signature');
    expect(verdictOn({ ...message, isLocal: true })).toBe('accepted');
  });

  it('judges every entry of a batch by itself, in order', () => {
    const entries = [beatOf(1), beatOf(1), beatOf(2, { upstream: 'api' }), beatOf(2, { backend: 'c' }), 7];
    const admissions = gate.admitBatch(signed(entries));
    if ('accepted' in admissions) throw new Error('the whole batch was refused');
    expect(admissions.map((admission) => (admission.accepted ? 'accepted' : admission.reason))).toEqual([
      'accepted',
      'replayed',
      'key_scope',
      'accepted',
      'bad_heartbeat',
    ]);
    expect(gate.unattributed).toBe(1);
  });

  it('refuses a batch that is unsigned, no array, or too long', () => {
    const refusals = [{ ...signed([]), hmac: '' }, signed({}), signed(Array(501).fill(0))].map((message) =>
      gate.admitBatch(message),
    );
    expect(refusals.map((refusal) => ('accepted' in refusal ? refusal.status : 200))).toEqual([401, 400, 413]);
    expect(gate.unattributed).toBe(3);
  });

  it('accepts none of 100,000 forgeries of a message, each with a byte or a digit changed', () => {
    const rng = createRng('forgeries');
    const genuine = signed(beatOf(1));
    for (let i = 0; i < 100_000; i++) {
      const body = Buffer.from(genuine.body);
      let hmac = genuine.hmac;
      if (rng.below(2) === 0) {
        const place = rng.below(body.length);
        body[place] = (body[place] as number) ^ (1 + rng.below(255));
      } else {
        const place = rng.below(64);
        const digit = (Number.parseInt(hmac[place] as string, 16) + 1 + rng.below(15)) % 16;
        hmac = hmac.slice(0, place) + digit.toString(16) + hmac.slice(place + 1);
      }
      gate.admit({ ...genuine, body, hmac }, B);
    }
    expect(accepted).toEqual([]);
    expect(rejected).toHaveLength(100_000);
    expect(new Set(rejected)).toEqual(new Set(['b bad_signature']));
    expect(verdictOn(genuine)).toBe('accepted');
  });

  it('accepts none of 10,000 genuine messages replayed in any order', () => {
    const rng = createRng('replays');
    const genuine = Array.from({ length: 500 }, (_, seq) => {
      nowMs = seq * 20;
      return signed(beatOf(seq, { boot: `boot-${Math.floor(seq / 20)}` }));
    });
    genuine.forEach((message, seq) => {
      nowMs = seq * 20;
      expect(verdictOn(message)).toBe('accepted');
    });
    for (let i = 0; i < 10_000; i++) expect(verdictOn(genuine[rng.below(500)] as SignedBody)).toBe('409 replayed');
    expect(accepted).toHaveLength(500);
  });
});
