/** What a hook says: the JSON that is posted to a webhook, or given to a command on stdin; and how it is signed. */

import { createHmac } from 'node:crypto';
import type { BackendDetail } from '../model/report.ts';
import type { Call } from './pace.ts';

export interface PayloadFacts {
  readonly hook: string;
  readonly call: Call;
  /** As of now; null = of an upstream as a whole, or of a backend that has left. */
  readonly detail: BackendDetail | null;
  /** Calls of this hook that were given up since the last one, as there were too many. */
  readonly dropped: number;
  /** ISO 8601 wall clock. */
  readonly sentAt: string;
}

/** The event's fields as in `/events`, and around them what the reader needs to judge them. */
export function payloadOf({ hook, call, detail, dropped, sentAt }: PayloadFacts): string {
  const { trigger, event, suppressed } = call;
  return JSON.stringify({ hook, event: trigger, ...event, suppressed, dropped, sent_at: sentAt, detail });
}

/** The value of `x-pulsegate-signature`: as heartbeats are signed (INTERFACE §3.2). */
export function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
