/**
 * Who may ask. Decides, from a request's line and headers alone, whether the admin server answers it.
 * The admin address usually is on loopback, where the danger is a browser on the same machine: another site's page that
 * posts to it (CSRF), or one whose name was re-pointed at it (DNS rebinding). So the Host must be one of ours, a named
 * origin must be this server's own, and a browser's change must be of a kind that no foreign page can send.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AdminSettings } from '../model/settings.ts';
import { type Answer, failure } from './answer.ts';

/** `public`: anyone who passes the origin checks; `read`: the token, if there is one; `change`: also no browser form. */
export type Access = 'public' | 'read' | 'change';

export interface Guard {
  /** A refusal by Host, Origin or target form; null when the request comes from where it may. */
  checkOrigin(request: IncomingMessage): Answer | null;
  /** A refusal by token or, for changes, by content type; null when the request may do this. */
  checkAccess(request: IncomingMessage, access: Access): Answer | null;
}

/** RFC 9110 §7.2: `uri-host [":" port]`, where an IPv6 address stands in brackets. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/;

const JSON_TYPE = /^application\/json[\t ]*(?:;|$)/i;

export function createGuard(settings: AdminSettings): Guard {
  const allowedHosts = new Set(settings.allowedHosts.map((host) => host.toLowerCase()));
  const expectedToken = settings.token === null ? null : digest(settings.token);

  function checkOrigin(request: IncomingMessage): Answer | null {
    // An absolute target's authority would overrule Host (RFC 9112 §3.2.2); a reverse proxy's clients may send it, ours not.
    if (!request.url?.startsWith('/')) return failure(400, 'bad_request', 'the request target must be a path');
    const hosts = request.headersDistinct.host ?? [];
    const host = hosts[0]?.toLowerCase() ?? '';
    const name = HOST.exec(host)?.[1];
    // RFC 9112 §3.2: none, more than one or a malformed Host must be answered 400.
    if (hosts.length !== 1 || name === undefined) return failure(400, 'bad_host', 'exactly one valid Host is needed');
    if (!allowedHosts.has(name)) {
      return failure(421, 'host_not_allowed', `the host ${JSON.stringify(name)} is not in admin.allowed_hosts`);
    }
    const { origin } = request.headers;
    if (origin !== undefined && origin.toLowerCase() !== `http://${host}`) {
      return failure(403, 'cross_origin', 'requests from other origins are refused');
    }
    const site = request.headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      return failure(403, 'cross_origin', 'requests from other sites are refused');
    }
    return null;
  }

  function checkAccess(request: IncomingMessage, access: Access): Answer | null {
    if (access === 'public') return null;
    if (expectedToken !== null && !timingSafeEqual(expectedToken, digest(bearerOf(request)))) {
      return failure(401, 'unauthorized', 'a valid bearer token is needed', {
        'www-authenticate': 'Bearer realm="pulsegate"',
      });
    }
    return access === 'change' && mayBeForm(request)
      ? failure(415, 'unsupported_media_type', 'send content-type: application/json')
      : null;
  }

  return { checkOrigin, checkAccess };
}

/**
 * Whether a page could have sent this without the browser asking us first: a form, or a "simple" fetch. Those cannot
 * have the type application/json, and browsers of today mark what they send with Origin or Sec-Fetch-Site.
 */
function mayBeForm({ method, headers }: IncomingMessage): boolean {
  const type = headers['content-type'];
  if (type !== undefined && JSON_TYPE.test(type)) return false;
  const fromBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
  return fromBrowser || (method === 'POST' && type !== undefined);
}

function bearerOf(request: IncomingMessage): string {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
}

/** Comparing digests takes the same time whatever the token's length and wherever it differs. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
