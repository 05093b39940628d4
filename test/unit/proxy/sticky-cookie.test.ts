import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import type { Status } from '../../../src/model/status.ts';
import {
  backendTag,
  cookieValues,
  makeValue,
  type SessionKey,
  StickySessions,
  sessionKey,
  verifyValue,
} from '../../../src/proxy/sticky-cookie.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';

const NOW_MS = 1_763_690_000_123;
const TTL_MS = 3_600_000;
const KEY = sessionKey('a secret of 16 or more', 'app');
const CLAIM = { tag: backendTag(KEY, '10.0.0.7:3000'), expiresMs: 1_763_693_601_000 };

describe('a session value', () => {
  it('says which backend, until when, and is believed', () => {
    expect(verifyValue(KEY, makeValue(KEY, CLAIM), NOW_MS)).toEqual(CLAIM);
  });

  it('is worth nothing from its last moment on', () => {
    const value = makeValue(KEY, CLAIM);
    expect(verifyValue(KEY, value, CLAIM.expiresMs - 1)).toEqual(CLAIM);
    expect(verifyValue(KEY, value, CLAIM.expiresMs)).toBeNull();
  });

  it('names no address', () => {
    const value = makeValue(KEY, CLAIM);
    expect(value).not.toContain('10.0.0.7');
    expect(Buffer.from(CLAIM.tag, 'base64url').toString('latin1')).not.toContain('10.0');
    expect(value).toMatch(/^1\.[0-9a-z]+\.[\w-]{16}\.[\w-]{22}$/);
  });

  it('is not believed when a single character differs', () => {
    const value = makeValue(KEY, CLAIM);
    for (let at = 0; at < value.length; at++) {
      const other = value[at] === 'a' ? 'b' : 'a';
      expect(verifyValue(KEY, value.slice(0, at) + other + value.slice(at + 1), NOW_MS), `at ${at}`).toBeNull();
    }
  });

  it.each<[string, SessionKey]>([
    ['another secret', sessionKey('another secret, as long', 'app')],
    ['another upstream', sessionKey('a secret of 16 or more', 'shop')],
    ['no secret', sessionKey(null, 'app')],
  ])('made with %s is not believed', (_, key) => {
    expect(verifyValue(KEY, makeValue(key, CLAIM), NOW_MS)).toBeNull();
  });

  it.each(['', '1', '1...', `2${makeValue(KEY, CLAIM).slice(1)}`, `${makeValue(KEY, CLAIM)}x`, 'é'.repeat(48)])(
    'of the form %j is none',
    (value) => {
      expect(verifyValue(KEY, value, NOW_MS)).toBeNull();
    },
  );
});

describe('cookieValues', () => {
  it.each([
    ['', []],
    ['pulsegate=a', ['a']],
    ['x=1; pulsegate=a; y=2', ['a']],
    ['x=1;pulsegate=a;y=2', ['a']],
    ['x=1; \t  pulsegate= a ; y=2', ['a']],
    ['pulsegate=a; pulsegate=b', ['a', 'b']],
    ['xpulsegate=a; pulsegate2=b; x=pulsegate=c; x pulsegate=d', []],
    ['pulsegate', []],
    [`pulsegate=${'a'.repeat(5_000)}; pulsegate=b`, ['a'.repeat(5_000), 'b']],
    ['apulsegate=1; bpulsegate=2; cpulsegate=3; dpulsegate=4; epulsegate=5; pulsegate=a', ['a']],
  ])('of %j are %j', (header, expected) => {
    expect(cookieValues(header, 'pulsegate')).toEqual(expected);
  });

  it('are looked for a few times only', () => {
    expect(cookieValues('pulsegate=a; '.repeat(1_000), 'pulsegate')).toHaveLength(4);
  });
});

function createSessions(statuses: Readonly<Record<string, Status>>) {
  const pool = { name: 'app', snapshot: snapshotOf(statuses) };
  const sessions = new StickySessions({ cookie: 'pulsegate', ttlMs: TTL_MS, secret: 'a secret of 16 or more' }, pool);
  return { pool, sessions };
}

function snapshotOf(statuses: Readonly<Record<string, Status>>): Snapshot {
  const entries = Object.entries(statuses).map(([id, status], slot) => ({
    backend: { ...simulatedBackend(id), slot: slot + 10 },
    status,
    available: status === 'up',
    weight: 1,
    reason: '',
    since: 0,
  }));
  return { entries } as unknown as Snapshot;
}

/** What a client sends back. */
function pairOf(setCookie: string): string {
  return setCookie.slice(0, setCookie.indexOf(';'));
}

describe('sessions', () => {
  it('lead back to the backend that they were pinned to, among other cookies', () => {
    const { sessions } = createSessions({ a: 'up', b: 'up' });
    for (const [id, slot] of [
      ['a', 10],
      ['b', 11],
    ] as const) {
      const pair = pairOf(sessions.setCookie(id, NOW_MS, false));
      expect(sessions.slotOf(`theme=dark; ${pair}; lang=en`, NOW_MS)).toBe(slot);
      expect(sessions.slotOf(`theme=dark; ${pair}; lang=en`, NOW_MS + 1)).toBe(slot);
    }
    expect(sessions.slotOf('', NOW_MS)).toBe(-1);
    expect(sessions.slotOf('theme=dark', NOW_MS)).toBe(-1);
  });

  it('are found behind a long cookie of the same name', () => {
    const { sessions } = createSessions({ a: 'up' });
    const pair = pairOf(sessions.setCookie('a', NOW_MS, false));
    expect(sessions.slotOf(`pulsegate=${'a'.repeat(5_000)}; ${pair}`, NOW_MS)).toBe(10);
  });

  it('end with their cookie, also when its value is remembered', () => {
    const { sessions } = createSessions({ a: 'up' });
    const pair = pairOf(sessions.setCookie('a', NOW_MS, false));
    expect(sessions.slotOf(pair, NOW_MS + TTL_MS - 1_000)).toBe(10);
    expect(sessions.slotOf(pair, NOW_MS + TTL_MS + 1_000)).toBe(-1);
  });

  it('are known to every proxy with the same secret, and over a restart', () => {
    const pair = pairOf(createSessions({ a: 'up', b: 'up' }).sessions.setCookie('b', NOW_MS, false));
    const { sessions } = createSessions({ c: 'up', b: 'up', a: 'up' });
    expect(sessions.slotOf(pair, NOW_MS)).toBe(11);
  });

  it('of a backend that has left lead nowhere, and those of one that joined lead there', () => {
    const { pool, sessions } = createSessions({ a: 'up', b: 'up' });
    const pair = pairOf(sessions.setCookie('a', NOW_MS, false));
    expect(sessions.slotOf(pair, NOW_MS)).toBe(10);
    pool.snapshot = snapshotOf({ b: 'up', c: 'up' });
    expect(sessions.slotOf(pair, NOW_MS)).toBe(-1);
    expect(sessions.slotOf(pairOf(sessions.setCookie('c', NOW_MS, false)), NOW_MS)).toBe(11);
  });

  it('set a cookie for the whole site that scripts cannot read, secure where the client came by TLS', () => {
    const { sessions } = createSessions({ a: 'up' });
    expect(sessions.setCookie('a', NOW_MS, false)).toMatch(
      /^pulsegate=1\.[\w.-]+; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/,
    );
    expect(sessions.setCookie('a', NOW_MS, true)).toMatch(/; SameSite=Lax; Secure$/);
  });

  it('answer with a cookie when there is none, a wrong one, or an old one, and leave a good one alone', () => {
    const { sessions } = createSessions({ a: 'up', b: 'up' });
    const first = sessions.answerCookie('', 'a', NOW_MS, false) as string;
    expect(first).toBe(sessions.setCookie('a', NOW_MS, false));
    const pair = pairOf(first);
    expect(sessions.answerCookie(pair, 'a', NOW_MS + 1_000, false)).toBeNull();
    const later = NOW_MS + TTL_MS / 2 + 2_000;
    expect(sessions.answerCookie(pair, 'a', later, false)).toBe(sessions.setCookie('a', later, false));
    const moved = sessions.answerCookie(pair, 'b', NOW_MS, false) as string;
    expect(sessions.slotOf(pairOf(moved), NOW_MS)).toBe(11);
  });

  it('are not renewed while their backend drains', () => {
    const { pool, sessions } = createSessions({ a: 'up', b: 'up' });
    const pair = pairOf(sessions.setCookie('a', NOW_MS, false));
    pool.snapshot = snapshotOf({ a: 'draining', b: 'up' });
    expect(sessions.slotOf(pair, NOW_MS + TTL_MS - 2_000)).toBe(10);
    expect(sessions.answerCookie(pair, 'a', NOW_MS + TTL_MS - 2_000, false)).toBeNull();
  });

  it('remember a bounded number of values', () => {
    const { sessions } = createSessions({ a: 'up' });
    const key = sessionKey('a secret of 16 or more', 'app');
    const tag = backendTag(key, 'a');
    for (let n = 1; n <= 5_000; n++) {
      const value = makeValue(key, { tag, expiresMs: NOW_MS + n * 1_000 });
      expect(sessions.slotOf(`pulsegate=${value}`, NOW_MS)).toBe(10);
    }
    expect((sessions as unknown as { verified: Map<string, unknown> }).verified.size).toBe(4_096);
  });
});
