/**
 * How one attempt at a backend ended. Three judgements only: `success`, `failure` (the backend's fault) and `ignored`
 * (nobody's, the client's or our own fault). The class says which, for people, metrics and retries.
 */

export type OutcomeClass =
  | 'ok' // an answer below 500, whole
  | 'http_429' // asked to slow down: no failure in a row
  | 'http_5xx' // any other 5xx
  | 'http_gateway' // 502, 503, 504
  | 'connect_refused'
  | 'connect_timeout'
  | 'connect_error' // unreachable, DNS, TLS
  | 'reset' // closed or reset before the answer began
  | 'refused' // the backend did not begin the request, and said so (HTTP/2 REFUSED_STREAM)
  | 'unprocessed' // it was closing the connection in good order, and had not begun the request (HTTP/2 GOAWAY)
  | 'timeout' // no answer, or a stall inside one
  | 'truncated' // closed or reset inside the answer
  | 'malformed' // an answer that the codec refuses
  | 'superseded' // another backend was asked as well, and answered first
  | 'client_abort' // the client left first
  | 'local_error'; // our own limits: EMFILE, EADDRNOTAVAIL, shutdown

export type Judgement = 'success' | 'failure' | 'ignored';

const JUDGEMENTS: Readonly<Record<OutcomeClass, Judgement>> = {
  ok: 'success',
  http_429: 'success',
  http_5xx: 'failure',
  http_gateway: 'failure',
  connect_refused: 'failure',
  connect_timeout: 'failure',
  connect_error: 'failure',
  reset: 'failure',
  refused: 'failure',
  unprocessed: 'ignored',
  timeout: 'failure',
  truncated: 'failure',
  malformed: 'failure',
  superseded: 'ignored',
  client_abort: 'ignored',
  local_error: 'ignored',
};

export const OUTCOME_CLASSES = Object.keys(JUDGEMENTS) as readonly OutcomeClass[];

export function judge(outcome: OutcomeClass): Judgement {
  return JUDGEMENTS[outcome];
}

/** The class of a whole answer, by its status code. */
export function outcomeOfStatus(status: number): OutcomeClass {
  if (status < 500) return status === 429 ? 'http_429' : 'ok';
  return status === 502 || status === 503 || status === 504 ? 'http_gateway' : 'http_5xx';
}
