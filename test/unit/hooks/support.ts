/** Events for hooks to hear of, and what a hook needs around it. */

import type { HealthEvent, LoggedEvent, NoticeKind } from '../../../src/model/event.ts';
import type { Log } from '../../../src/model/log.ts';
import type { Status } from '../../../src/model/status.ts';

let lastId = 0;

export function change(
  backend: string,
  to: Status,
  upstream = 'app',
  reason = '3 probes failed in a row',
): HealthEvent {
  lastId += 1;
  const at = '2026-11-21T02:00:00.000Z';
  return { id: lastId, at, upstream, backend, from: 'starting', to, reason, source: 'probe' };
}

export function notice(kind: NoticeKind, upstream: string | null = 'app'): LoggedEvent {
  lastId += 1;
  return { id: lastId, at: '2026-11-21T02:00:00.000Z', kind, upstream, backend: null, message: '1 of 4' };
}

export interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly sentence: string;
}

export function recordingLog(lines: LogLine[], onLine: () => void = () => {}): Log {
  const at = (level: string) => (fields: object, sentence: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, sentence });
    onLine();
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
