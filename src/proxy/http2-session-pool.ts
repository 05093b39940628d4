/**
 * The HTTP/2 connections to one upstream's backends. A request goes on the first connection of its backend that has room, so that the
 * surplus of a busy hour idles and ages out; when none has, it waits in line for one that is being opened.
 * Invariant: who waits hears exactly once, of a session with room or that none could be had, unless it withdraws.
 */

import type { Clock } from '../base/time.ts';
import type { Backend } from '../model/backend.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { KeepaliveSettings } from '../model/settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { ASSUMED_STREAMS, Http2Session, type SessionOwner } from './http2-session.ts';
import { secureContextFor } from './upstream-connection.ts';

/** Who wants a stream. */
export interface StreamUser {
  /** The session has room: its stream is opened within this call. */
  onSession(session: Http2Session): void;
  onNoSession(outcome: OutcomeClass, detail: string): void;
}

export interface SessionPoolOptions {
  readonly keepalive: KeepaliveSettings;
  /** How long a connection may take to be ready. */
  readonly connectMs: number;
  /** Connections to one backend, those that are leaving not counted. */
  readonly connections: number;
  /** How TLS is spoken to the backends; null = none of them wants it. */
  readonly tls: BackendTls | null;
  readonly clock: Clock;
}

/** What there is for one backend. */
interface Group {
  /** As it is now: one that moved to another address has other connections. */
  backend: Backend;
  sessions: Http2Session[];
  /** Who waits for a connection, in order. */
  line: StreamUser[];
  /** Streams that one connection is expected to carry. */
  streamsEach: number;
}

export class Http2SessionPool implements SessionOwner {
  private options: SessionPoolOptions;
  private retired = false;
  /** By backend id. */
  private readonly groups = new Map<string, Group>();

  constructor(options: SessionPoolOptions) {
    this.options = options;
  }

  /** Finds a session for `user`, who hears of it within this call or later. */
  place(backend: Backend, user: StreamUser, nowMs: number): void {
    const group = this.groupOf(backend);
    if (group.line.length === 0) {
      const secureContext = secureContextFor(backend, this.options.tls);
      for (const session of group.sessions) {
        if (session.backend.url !== backend.url || session.secureContext !== secureContext) continue;
        if (session.hasRoom(nowMs)) {
          user.onSession(session);
          return;
        }
      }
    }
    // What hangs must not be waited for by those who come later.
    for (const session of group.sessions) if (session.isConnecting) session.sweep(nowMs);
    group.line.push(user);
    this.grow(group, nowMs);
  }

  /** Does not want a session any more, and has not had one. */
  withdraw(backend: Backend, user: StreamUser): void {
    const group = this.groups.get(backend.id);
    if (group !== undefined) group.line = group.line.filter((other) => other !== user);
  }

  /** Whether who waits for a session of this backend waits for others to end, and not for the backend. */
  isFull(backend: Backend): boolean {
    return this.groups.get(backend.id)?.sessions.some(({ isFull }) => isFull) ?? false;
  }

  sweep(nowMs: number): void {
    for (const [id, group] of this.groups) {
      for (const session of [...group.sessions]) session.sweep(nowMs);
      if (group.sessions.length === 0 && group.line.length === 0) this.groups.delete(id);
    }
  }

  /** No connection is open or awaited. */
  get isEmpty(): boolean {
    return this.groups.size === 0;
  }

  /** Other settings, for connections from now on; those opened under other TLS settings take no more requests. */
  configure(options: SessionPoolOptions): void {
    this.options = options;
    for (const group of this.groups.values()) this.dismissOthers(group);
  }

  /** Connections to addresses at which none of these is take no more requests. @param backends by id */
  keepOnly(backends: ReadonlyMap<string, Backend>): void {
    for (const [id, group] of this.groups) {
      const backend = backends.get(id);
      if (backend === undefined) dismiss(group.sessions);
      else if (backend.url !== group.backend.url) {
        group.backend = backend;
        this.dismissOthers(group);
      }
    }
  }

  /** Connections are closed as soon as nothing is under way on them. */
  retire(): void {
    this.retired = true;
    for (const { sessions } of this.groups.values()) dismiss(sessions.filter(({ streams }) => streams === 0));
  }

  close(): void {
    for (const { sessions } of this.groups.values()) for (const session of sessions) session.destroy();
    this.groups.clear();
  }

  // --- from the sessions

  onRoom(session: Http2Session): void {
    const group = this.groups.get(session.backend.id);
    if (group === undefined) return;
    group.streamsEach = session.maxStreams;
    const nowMs = this.options.clock.now();
    if (!this.isCurrent(session, group)) session.leave();
    while (group.line.length > 0 && session.hasRoom(nowMs)) group.line.shift()?.onSession(session);
    if (this.retired && session.streams === 0) session.leave();
    this.grow(group, nowMs);
  }

  onLeaving(session: Http2Session): void {
    const group = this.groups.get(session.backend.id);
    if (group !== undefined) this.grow(group, this.options.clock.now());
  }

  onGone(session: Http2Session, outcome: OutcomeClass): void {
    const group = this.groups.get(session.backend.id);
    if (group === undefined) return;
    group.sessions = group.sessions.filter((other) => other !== session);
    // Those that it was opened for; who comes after them has another connection to wait for. Time-outs they keep themselves.
    const failed =
      session.wasReady || outcome === 'connect_timeout' ? [] : group.line.splice(0, Math.max(1, this.expected(group)));
    for (const user of failed) user.onNoSession(outcome, session.detail);
    this.grow(group, this.options.clock.now());
  }

  // --- inside

  private groupOf(backend: Backend): Group {
    const known = this.groups.get(backend.id);
    if (known === undefined) {
      const group: Group = { backend, sessions: [], line: [], streamsEach: ASSUMED_STREAMS };
      this.groups.set(backend.id, group);
      return group;
    }
    known.backend = backend;
    return known;
  }

  private isCurrent({ backend, secureContext }: Http2Session, group: Group): boolean {
    return backend.url === group.backend.url && secureContext === secureContextFor(group.backend, this.options.tls);
  }

  private dismissOthers(group: Group): void {
    dismiss(group.sessions.filter((session) => !this.isCurrent(session, group)));
  }

  private expected({ streamsEach }: Group): number {
    return Math.min(streamsEach, this.options.keepalive.maxRequests ?? Infinity);
  }

  /** Opens as many connections as the line needs, and no more than it may. */
  private grow(group: Group, nowMs: number): void {
    const { keepalive, connectMs, connections, tls } = this.options;
    const { backend, line } = group;
    let opening = group.sessions.filter(({ isConnecting }) => isConnecting).length;
    let kept = group.sessions.filter(({ isKept }) => isKept).length;
    const expected = this.expected(group);
    // A backend that allows no streams at all may change its mind; until then another connection is of no use.
    const most = expected === 0 ? 1 : connections;
    while (opening * expected < line.length && kept < most) {
      group.sessions.push(new Http2Session({ backend, tls, keepalive, connectMs, nowMs, owner: this }));
      opening++;
      kept++;
    }
  }
}

/** Those that are not connected yet hear of it when they are (`onRoom`). */
function dismiss(sessions: readonly Http2Session[]): void {
  for (const session of [...sessions]) session.leave();
}
