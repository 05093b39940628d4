/**
 * What gRPC says inside HTTP/2, as far as a proxy must know it: which of its statuses speak of a backend's health, how long a call
 * may take, and how our own answers are told to a gRPC client. Statuses are those of "Status codes and their use in gRPC".
 */

import type { RequestHead } from '../http1/request-head.ts';
import type { Answer } from './answers.ts';

const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const DATA_LOSS = 15;

/** "gRPC over HTTP/2": at most eight digits and a unit. */
const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/;

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** How late a server may be, or a clock's tick early, in telling that the client's own time is up. */
const DEADLINE_SLACK_MS = 20;

/** The grpc-status that says to a gRPC client what an answer of our own says to others. */
export function grpcStatusOf({ status }: Answer): number {
  switch (status) {
    case 502:
    case 503:
      return UNAVAILABLE;
    case 408:
    case 504:
      return DEADLINE_EXCEEDED;
    case 404:
    case 405:
    case 501:
      return UNIMPLEMENTED;
    case 413:
    case 429:
    case 431:
      return RESOURCE_EXHAUSTED;
    case 400:
      return INTERNAL;
    default:
      return UNKNOWN;
  }
}

/**
 * The HTTP status that a grpc-status amounts to, where a backend is judged: 14 says that it cannot serve, 8 asks to slow down,
 * 2, 4, 13 and 15 are failures of its own, and all others answer the call. linkerd2-proxy draws the lines in the same way.
 * @param value of `grpc-status`; null = there was none, which gRPC takes for 2
 */
export function judgedStatusOf(value: string | null): number {
  switch (value === null || !/^[0-9]{1,2}$/.test(value) ? UNKNOWN : Number(value)) {
    case UNAVAILABLE:
      return 503;
    case RESOURCE_EXHAUSTED:
      return 429;
    case UNKNOWN:
    case DEADLINE_EXCEEDED:
    case INTERNAL:
    case DATA_LOSS:
      return 500;
    default:
      return 200;
  }
}

/**
 * A server that ends a call because the time is up that its client gave it has done what it was asked to. Nobody is to blame:
 * else a client in a hurry could have any backend ejected.
 */
export function isClientsDeadline(value: string | null, elapsedMs: number, timeoutMs: number): boolean {
  return value === String(DEADLINE_EXCEEDED) && elapsedMs + DEADLINE_SLACK_MS >= timeoutMs;
}

/** How long the client gives the call, by `grpc-timeout`; Infinity when it does not say so, or nothing that we understand. */
export function grpcTimeoutMs({ fields, isHttp2 }: RequestHead): number {
  if (!isHttp2) return Infinity;
  // Names are in lower case in HTTP/2.
  const start = fields.indexOf('grpc-timeout:');
  if (start < 0 || (start > 0 && fields.charCodeAt(start - 1) !== 0x0a)) return Infinity;
  const [, digits, unit = ''] = TIMEOUT.exec(fields.slice(start + 13, fields.indexOf('\r\n', start)).trim()) ?? [];
  return digits === undefined ? Infinity : Number(digits) * (UNIT_MS[unit] as number);
}
