/**
 * The cookie of sticky sessions: `1.<expiry>.<tag>.<signature>`. It names a backend by an opaque tag, so that no address leaves the
 * house, and is signed, so that nobody can send himself where he likes. All clients that a backend got in the same second share one
 * value: it says where, not who.
 *
 * A session lasts for the ttl, renewed when half of it has passed. While its backend drains it is not renewed: so a drain has lost
 * its last session after one ttl at the latest.
 *
 * Times are of the wall clock: the cookie must hold over restarts, and with every proxy that has the same secret.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Pool } from '../model/lease.ts';
import type { StickySettings } from '../model/settings.ts';
import type { SnapshotEntry } from '../model/snapshot.ts';

/** Verified values that are remembered; a value is about 60 bytes. */
const REMEMBERED = 4_096;
/** Cookies of our name that are looked at in one request. */
const TRIES = 4;
const VALUE = /^1\.([0-9a-z]{1,8})\.([\w-]{16})\.([\w-]{22})$/;
const LONGEST_VALUE = 50;

export interface SessionClaim {
  /** Names the backend. */
  readonly tag: string;
  /** Wall-clock milliseconds. */
  readonly expiresMs: number;
}

/** What values are made and verified with. */
export interface SessionKey {
  readonly secret: string;
  /** A value of another upstream is none of ours, also where both have the same secret. */
  readonly upstream: string;
}

/** @param secret null = derived from the upstream's name: good against accidents, not against people */
export function sessionKey(secret: string | null, upstream: string): SessionKey {
  return { secret: secret ?? `sticky sessions of ${upstream}`, upstream };
}

/** 96 bits of HMAC-SHA-256 of the backend's id, as base64url. */
export function backendTag(key: SessionKey, backendId: string): string {
  return mac(key, 'backend', backendId).subarray(0, 12).toString('base64url');
}

/** @param expiresMs rounded up to a second */
export function makeValue(key: SessionKey, { tag, expiresMs }: SessionClaim): string {
  const claim = `1.${Math.ceil(expiresMs / 1_000).toString(36)}.${tag}`;
  return `${claim}.${sign(key, claim)}`;
}

/** Null when the value is malformed, signed by somebody else, or out of date. Compares in constant time. */
export function verifyValue(key: SessionKey, value: string, nowMs: number): SessionClaim | null {
  const parts = VALUE.exec(value);
  if (parts === null) return null;
  const [, expiry = '', tag = '', signature = ''] = parts;
  const expected = sign(key, `1.${expiry}.${tag}`);
  if (!timingSafeEqual(Buffer.from(signature, 'latin1'), Buffer.from(expected, 'latin1'))) return null;
  const claim = { tag, expiresMs: Number.parseInt(expiry, 36) * 1_000 };
  return nowMs < claim.expiresMs ? claim : null;
}

/**
 * Values of the cookies of this name, in order, at most a few, whatever their length.
 * @param header the Cookie field, several joined with `; `; '' when absent
 */
export function cookieValues(header: string, name: string): readonly string[] {
  const values: string[] = [];
  const start = `${name}=`;
  for (let at = header.indexOf(start); at !== -1 && values.length < TRIES; ) {
    const from = at + start.length;
    if (beginsPair(header, at)) {
      const end = header.indexOf(';', from);
      values.push(header.slice(from, end === -1 ? undefined : end).trim());
    }
    at = header.indexOf(start, from);
  }
  return values;
}

/** Whether a pair begins at `at`: nothing stands before it but the pair before, and blanks. */
function beginsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (header[before] === ' ' || header[before] === '\t')) before -= 1;
  return before < 0 || header[before] === ';';
}

function sign(key: SessionKey, claim: string): string {
  return mac(key, 'session', claim).subarray(0, 16).toString('base64url');
}

function mac({ secret, upstream }: SessionKey, purpose: string, text: string): Buffer {
  return createHmac('sha256', secret).update(`${purpose}\n${upstream}\n${text}`).digest();
}

/** The sessions of one upstream. Remembers what it has made and verified, so that most requests cost a look-up. */
export class StickySessions {
  private readonly settings: StickySettings;
  private readonly key: SessionKey;
  private readonly pool: Pick<Pool, 'snapshot'>;
  private entries: readonly SnapshotEntry[] = [];
  /** By tag: where among the entries. */
  private indexes = new Map<string, number>();
  private tags = new Map<string, string>();
  /** By value: those that were verified, the oldest first. */
  private readonly verified = new Map<string, SessionClaim>();
  /** By backend: the value made last. */
  private readonly made = new Map<string, { readonly second: number; readonly value: string }>();

  constructor(settings: StickySettings, pool: Pick<Pool, 'name' | 'snapshot'>) {
    this.settings = settings;
    this.key = sessionKey(settings.secret, pool.name);
    this.pool = pool;
  }

  /**
   * For `PickRequest.pinned`: the slot of the backend that the session belongs to; -1 when there is none.
   * @param cookieHeader the Cookie field, several joined with `; `; '' when absent
   * @param nowMs wall clock
   */
  slotOf(cookieHeader: string, nowMs: number): number {
    const claim = this.claimOf(cookieHeader, nowMs);
    return claim === null ? -1 : (this.entryOf(claim)?.backend.slot ?? -1);
  }

  /**
   * The Set-Cookie field that the answer of this backend needs, or null when the client has the right cookie already.
   * @param secure the client came by TLS
   */
  answerCookie(cookieHeader: string, backendId: string, nowMs: number, secure: boolean): string | null {
    const claim = this.claimOf(cookieHeader, nowMs);
    if (claim === null || this.tagOf(backendId) !== claim.tag) return this.setCookie(backendId, nowMs, secure);
    const isYoung = claim.expiresMs - nowMs > this.settings.ttlMs / 2;
    return isYoung || this.entryOf(claim)?.status === 'draining' ? null : this.setCookie(backendId, nowMs, secure);
  }

  /** A Set-Cookie field's value that pins a session to this backend. */
  setCookie(backendId: string, nowMs: number, secure: boolean): string {
    const { cookie, ttlMs } = this.settings;
    const seconds = Math.ceil(ttlMs / 1_000);
    const attributes = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
    return `${cookie}=${this.valueFor(backendId, nowMs)}; ${attributes}`;
  }

  private valueFor(backendId: string, nowMs: number): string {
    const second = Math.floor(nowMs / 1_000);
    const last = this.made.get(backendId);
    if (last?.second === second) return last.value;
    const expiresMs = second * 1_000 + this.settings.ttlMs;
    const value = makeValue(this.key, { tag: this.tagOf(backendId), expiresMs });
    this.made.set(backendId, { second, value });
    return value;
  }

  private claimOf(cookieHeader: string, nowMs: number): SessionClaim | null {
    if (cookieHeader === '') return null;
    for (const value of cookieValues(cookieHeader, this.settings.cookie)) {
      // What is too long is none of ours, and not worth a look.
      if (value.length > LONGEST_VALUE) continue;
      const known = this.verified.get(value);
      const claim = known ?? verifyValue(this.key, value, nowMs);
      if (claim === null) continue;
      if (known === undefined) this.remember(value, claim);
      if (nowMs < claim.expiresMs) return claim;
    }
    return null;
  }

  private remember(value: string, claim: SessionClaim): void {
    if (this.verified.size >= REMEMBERED) {
      for (const oldest of this.verified.keys()) {
        this.verified.delete(oldest);
        break;
      }
    }
    // Copied: a slice would keep the whole header field alive.
    this.verified.set(copy(value), { ...claim, tag: copy(claim.tag) });
  }

  private entryOf({ tag }: SessionClaim): SnapshotEntry | null {
    this.refresh();
    const index = this.indexes.get(tag);
    return index === undefined ? null : (this.entries[index] as SnapshotEntry);
  }

  private tagOf(backendId: string): string {
    const known = this.tags.get(backendId);
    if (known !== undefined) return known;
    this.refresh();
    return this.tags.get(backendId) ?? backendTag(this.key, backendId);
  }

  /** Makes tags anew when backends have joined or left. */
  private refresh(): void {
    const { entries } = this.pool.snapshot;
    if (entries === this.entries) return;
    const before = this.entries;
    this.entries = entries;
    const isSame = ({ backend }: SnapshotEntry, index: number) => before[index]?.backend.id === backend.id;
    if (entries.length === before.length && entries.every(isSame)) return;
    const tags = new Map(entries.map(({ backend: { id } }) => [id, this.tags.get(id) ?? backendTag(this.key, id)]));
    this.tags = tags;
    this.indexes = new Map(entries.map(({ backend }, index) => [tags.get(backend.id) as string, index]));
    this.made.clear();
  }
}

function copy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
