/**
 * What ties a request to a backend, for one upstream: the hash of a key that it carries, for the hash policies, and the cookie of
 * a sticky session. Looks into the end-to-end fields only: what was taken out of a head before cannot be a key.
 */

import { hashString } from '../base/hash.ts';
import type { Clock } from '../base/time.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Pool } from '../model/lease.ts';
import type { HashSource, UpstreamSettings } from '../model/settings.ts';
import type { Peer } from './heads.ts';
import { cookieValues, StickySessions } from './sticky-cookie.ts';

export class Affinity {
  private readonly source: HashSource | null;
  private readonly sessions: StickySessions | null;
  private readonly clock: Clock;
  private readonly cookies = fieldPattern('cookie');
  /** Of the header that is hashed, where one is. */
  private readonly header: RegExp;

  constructor({ hashOn, sticky }: UpstreamSettings, pool: Pick<Pool, 'name' | 'snapshot'>, clock: Clock) {
    this.source = hashOn;
    this.sessions = sticky === null ? null : new StickySessions(sticky, pool);
    this.clock = clock;
    this.header = hashOn?.kind === 'header' ? fieldPattern(hashOn.name) : this.cookies;
  }

  /** For `PickRequest.hash`. A request without the key is spread at random: by its id. */
  hashOf(head: RequestHead, peer: Peer, requestId: string): number {
    if (this.source === null) return 0;
    const key = this.keyOf(head, peer, this.source);
    return hashString(key === '' ? requestId : key);
  }

  /** For `PickRequest.pinned`: -1 without a session. */
  pinnedSlot({ fields }: RequestHead): number {
    if (this.sessions === null) return -1;
    return this.sessions.slotOf(joinedValue(fields, this.cookies, '; '), this.clock.wall());
  }

  /** The field line, ending in CRLF, that this backend's answer needs for the session; '' when none. */
  answerField({ fields }: RequestHead, backendId: string, peer: Peer): string {
    if (this.sessions === null) return '';
    const cookies = joinedValue(fields, this.cookies, '; ');
    const cookie = this.sessions.answerCookie(cookies, backendId, this.clock.wall(), peer.secure);
    return cookie === null ? '' : `set-cookie: ${cookie}\r\n`;
  }

  private keyOf(head: RequestHead, peer: Peer, source: HashSource): string {
    switch (source.kind) {
      case 'client_ip':
        return peer.address;
      case 'path':
        return head.path;
      case 'header':
        return joinedValue(head.fields, this.header, ', ');
      case 'cookie':
        return cookieValues(joinedValue(head.fields, this.cookies, '; '), source.name)[0] ?? '';
    }
  }
}

/** @param name a token: none of its characters is special but `.`, `*`, `^`, `$`, `+` and `|` */
function fieldPattern(name: string): RegExp {
  return new RegExp(`(?:^|\\n)${name.replace(/[.*^$+|]/g, '\\$&')}:[ \\t]*([^\\r]*)`, 'gi');
}

/** All values of a field in lines that end in CRLF, joined; '' when there is none. */
function joinedValue(fields: string, pattern: RegExp, separator: string): string {
  let joined = '';
  pattern.lastIndex = 0;
  for (let match = pattern.exec(fields); match !== null; match = pattern.exec(fields)) {
    const value = (match[1] as string).trimEnd();
    joined = joined === '' ? value : joined + separator + value;
  }
  return joined;
}
