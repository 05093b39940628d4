/**
 * Answers that we give ourselves to HTTP/2 clients: the same JSON as over HTTP/1, as a field list and a body; for gRPC, whose
 * clients read nothing else, trailers alone ("gRPC over HTTP/2", Trailers-Only).
 */

import { type FieldMap, fieldsOf } from '../http2/response.ts';
import type { Answer } from './answers.ts';
import { grpcStatusOf } from './grpc.ts';

export interface Http2Answer {
  readonly fields: FieldMap;
  /** '' = nothing follows the fields. */
  readonly body: string;
}

/** As what an answer is wanted: `head` has no body. */
export type AnswerForm = 'whole' | 'head' | 'grpc';

const GRPC_TYPE = /^application\/grpc(?:$|[+;])/;
const GRPC_LINE = /(?:^|\n)content-type: application\/grpc(?:[+;\r])/;

/** @param fields end-to-end lines of the request */
export function formFor(method: string, fields: string): AnswerForm {
  if (method === 'HEAD') return 'head';
  return method === 'POST' && GRPC_LINE.test(fields) ? 'grpc' : 'whole';
}

/** The same by a request's field list. */
export function formForList(list: readonly string[]): AnswerForm {
  const fieldOf = (name: string) => {
    const index = list.indexOf(name);
    return index < 0 ? '' : (list[index + 1] as string);
  };
  if (fieldOf(':method') === 'HEAD') return 'head';
  return GRPC_TYPE.test(fieldOf('content-type')) ? 'grpc' : 'whole';
}

export function http2Answer(answer: Answer, requestId: string, date: string, form: AnswerForm): Http2Answer {
  const fields = fieldsOf(answer.fields);
  fields.date = date;
  fields['x-request-id'] = requestId;
  if (form === 'grpc') {
    fields[':status'] = 200;
    fields['content-type'] = 'application/grpc';
    fields['grpc-status'] = grpcStatusOf(answer);
    fields['grpc-message'] = answer.code;
    return { fields, body: '' };
  }
  fields[':status'] = answer.status;
  if (answer.status === 204) return { fields, body: '' };
  const body = JSON.stringify({ error: answer.code, request_id: requestId });
  fields['content-type'] = 'application/json';
  fields['content-length'] = body.length;
  return { fields, body: form === 'head' ? '' : body };
}
