/** A request that we do not forward: what the client is told, and what the log says. */

export interface Refusal {
  readonly ok: false;
  readonly status: RefusalStatus;
  /** Stable code of the answer's body. */
  readonly code: string;
  /** Which rule, for the log: `content-length together with transfer-encoding`. */
  readonly detail: string;
}

export type RefusalStatus = 400 | 405 | 414 | 417 | 421 | 431 | 501 | 505;

const CODES: Readonly<Record<RefusalStatus, string>> = {
  400: 'bad_request',
  405: 'method_not_allowed',
  414: 'uri_too_long',
  417: 'expectation_failed',
  421: 'misdirected_request',
  431: 'headers_too_large',
  501: 'not_implemented',
  505: 'version_not_supported',
};

export function refuse(status: RefusalStatus, detail: string): Refusal {
  return { ok: false, status, code: CODES[status], detail };
}
