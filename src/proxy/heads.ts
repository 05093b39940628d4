/**
 * The heads we write: request heads to backends and response heads to clients, always from parsed values.
 * Each carries exactly one framing header, computed here, so smuggling needs a bug in our framing rather than a
 * disagreement with a peer.
 */

import { STATUS_CODES } from 'node:http';
import { bracketed, formatAuthority } from '../base/authority.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Backend } from '../model/backend.ts';
import type { HostPolicy } from '../model/settings.ts';

/** Who is asking: the connection's peer, as far as forwarded headers are concerned. */
export interface Peer {
  /** Address without a port; `unknown` for a unix socket. */
  readonly address: string;
  /** Its forwarded headers are kept and appended to; everybody else's are replaced. */
  readonly trusted: boolean;
  /** It speaks TLS with us. */
  readonly secure: boolean;
  /** Whether this host has the certificate that the connection was shown; absent where there is but one: 421 if not. */
  readonly allowsHost?: (host: string) => boolean;
}

export function renderRequestHead(
  head: RequestHead,
  peer: Peer,
  requestId: string,
  via: string,
  policy: HostPolicy,
  backend: Backend,
): string {
  const host = hostFor(head, policy, backend);
  return `${head.method} ${head.target} HTTP/1.1\r\nhost: ${host}\r\n${renderRequestFields(head, peer, requestId, via)}${renderRequestFraming(head)}\r\n`;
}

/** Host, or in HTTP/2 :authority, of what is sent to a backend. */
export function hostFor(head: RequestHead, policy: HostPolicy, backend: Backend): string {
  return policy.kind === 'literal' ? policy.value : policy.kind === 'backend' ? authorityOf(backend) : head.host;
}

/** The lines of a request that do not depend on how it is framed: the client's, and those that we add. */
export function renderRequestFields(head: RequestHead, peer: Peer, requestId: string, via: string): string {
  return `${head.fields}${renderForwarded(head, peer)}${renderMaxForwards(head)}via: ${
    head.via === '' ? '' : `${head.via}, `
  }${head.isHttp2 ? '2' : `1.${head.minor}`} ${via}\r\nx-request-id: ${requestId}\r\n`;
}

/** RFC 9110 §7.6.2: counts down for OPTIONS (TRACE never gets here) and means nothing for other methods. */
function renderMaxForwards(head: RequestHead): string {
  const hops = hopsLeft(head);
  return hops === Infinity ? '' : `max-forwards: ${Math.max(0, hops - 1)}\r\n`;
}

/** More hops than anybody counts are as good as this. */
const MOST_HOPS = 1_000_000;

/** How often the request may still be forwarded: 0 = answered here (RFC 9110 §7.6.2); Infinity when it does not say. */
export function hopsLeft({ method, maxForwards }: RequestHead): number {
  if (maxForwards === '' || method !== 'OPTIONS' || !/^[0-9]+$/.test(maxForwards)) return Infinity;
  return Math.min(Number(maxForwards), MOST_HOPS);
}

function authorityOf(backend: Backend): string {
  return backend.port === (backend.tls ? 443 : 80)
    ? bracketed(backend.host)
    : formatAuthority(backend.host, backend.port);
}

function renderForwarded(head: RequestHead, peer: Peer): string {
  const proto = peer.secure ? 'https' : 'http';
  if (!peer.trusted) {
    return `x-forwarded-for: ${peer.address}\r\nx-forwarded-proto: ${proto}\r\nx-forwarded-host: ${head.host}\r\n`;
  }
  const chain = head.forwardedFor === '' ? peer.address : `${head.forwardedFor}, ${peer.address}`;
  const lines = `x-forwarded-for: ${chain}\r\nx-forwarded-proto: ${head.forwardedProto || proto}\r\nx-forwarded-host: ${
    head.forwardedHost || head.host
  }\r\n${head.peerClaims}`;
  if (head.forwarded === '') return lines;
  return `${lines}forwarded: ${head.forwarded}, for=${quoteNode(peer.address)};proto=${proto};host="${head.host}"\r\n`;
}

/** RFC 7239 §6: an IPv6 address stands in quoted brackets. */
function quoteNode(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address;
}

/** Of the upgrades there are, one is passed on. */
const UPGRADE_LINES = 'connection: upgrade\r\nupgrade: websocket\r\n';

function renderRequestFraming(head: RequestHead): string {
  if (head.upgrade !== '') return UPGRADE_LINES;
  if (head.framing === 'length') return `content-length: ${head.contentLength}\r\n`;
  return head.framing === 'chunked' ? 'transfer-encoding: chunked\r\n' : '';
}

/** RFC 9110 §15.3.6: has no content, whatever a backend sends. */
const RESET_CONTENT = 205;

/** How a response body reaches the client. */
export type ClientFraming = 'none' | 'length' | 'chunked' | 'until_close';

/** The framing for this client of an answer read from a backend. HTTP/1.0 knows no chunks. */
export function clientFraming(head: ResponseHead, clientMinor: 0 | 1): ClientFraming {
  if (head.status === RESET_CONTENT) return 'none';
  if (head.framing === 'none' || head.framing === 'length') return head.framing;
  return clientMinor === 0 ? 'until_close' : 'chunked';
}

/** @param date empty when the backend gave one (RFC 9110 §6.6.1) */
export function renderResponseHead(
  head: ResponseHead,
  framing: ClientFraming,
  requestId: string,
  close: boolean,
  date: string,
): string {
  return `${statusLine(head.status)}${head.fields}${date === '' ? '' : `date: ${date}\r\n`}x-request-id: ${requestId}\r\n${renderResponseFraming(
    head,
    framing,
  )}${close ? 'connection: close\r\n' : ''}\r\n`;
}

function renderResponseFraming(head: ResponseHead, framing: ClientFraming): string {
  if (framing === 'chunked') return 'transfer-encoding: chunked\r\n';
  if (framing === 'length') return `content-length: ${head.contentLength}\r\n`;
  if (head.status === RESET_CONTENT) return 'content-length: 0\r\n';
  // An answer to HEAD and a 304 say what the body would have been; 1xx and 204 never do (RFC 9110 §8.6).
  const tellsLength = framing === 'none' && head.contentLength >= 0 && head.status >= 200 && head.status !== 204;
  return tellsLength ? `content-length: ${head.contentLength}\r\n` : '';
}

/** The 101 of a backend, as it grants an upgrade to the client. */
export function renderUpgrade(head: ResponseHead, requestId: string): string {
  return `${statusLine(101)}${head.fields}x-request-id: ${requestId}\r\n${UPGRADE_LINES}\r\n`;
}

/** An informational response passed on. */
export function renderInformational(head: ResponseHead): string {
  return `${statusLine(head.status)}${head.fields}\r\n`;
}

const STATUS_LINES = new Map<number, string>();

/** The reason phrase is ours: a backend's is never copied. */
export function statusLine(status: number): string {
  let line = STATUS_LINES.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
    STATUS_LINES.set(status, line);
  }
  return line;
}

/** A request that already carries our name has been here. RFC 9110 §7.6.3: elements are `protocol received-by [comment]`. */
export function isLoop(via: string, pseudonym: string): boolean {
  if (via === '') return false;
  return via.split(',').some(
    (element) =>
      element
        .trim()
        .split(/[ \t]+/)[1]
        ?.toLowerCase() === pseudonym,
  );
}
