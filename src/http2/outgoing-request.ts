/**
 * A request as the field list that goes to an HTTP/2 backend. The lines are those that HTTP/1 would send, so that what crosses and
 * what we add is decided in one place; here they only change their form. It does no I/O.
 */

import type { Scheme } from '../http1/host.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { type FieldMap, fieldsOf } from './response.ts';

/** gRPC proper, which needs HTTP/2; not `application/grpc-web`, which does not. */
const GRPC = /^application\/grpc(?:$|[+; ])/i;

/** Whether a message of this type is gRPC's. */
export function isGrpcType(contentType: unknown): boolean {
  return typeof contentType === 'string' && GRPC.test(contentType);
}

/**
 * @param authority for `:authority`
 * @param lines valid field lines, each ending in CRLF, that say nothing about host and framing
 */
export function outgoingRequest(head: RequestHead, scheme: Scheme, authority: string, lines: string): FieldMap {
  const fields = fieldsOf(lines);
  fields[':method'] = head.method;
  fields[':scheme'] = scheme;
  fields[':authority'] = authority;
  fields[':path'] = head.target;
  if (head.framing === 'length') fields['content-length'] = head.contentLength;
  // A server may refuse gRPC without it, to find out proxies that lose trailers; we do not.
  if (isGrpcType(fields['content-type'])) fields.te = 'trailers';
  return fields;
}
