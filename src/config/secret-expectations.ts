/** Which probes expect a secret: why one failed is told in public, and must not quote it. */

import type { ProbeSettings } from '../model/probe-settings.ts';
import type { Settings } from '../model/settings.ts';
import { redact } from './secrets.ts';

export function markSecretExpectations(settings: Settings, secrets: readonly string[]): Settings {
  if (secrets.length === 0) return settings;
  const upstreams = settings.upstreams.map((upstream) => {
    const { probe } = upstream.health;
    if (probe === null || !expectedBy(probe).some((text) => redact(text, secrets) !== text)) return upstream;
    return { ...upstream, health: { ...upstream.health, probe: marked(probe) } };
  });
  return { ...settings, upstreams };
}

function expectedBy(probe: ProbeSettings): string[] {
  if (probe.type === 'tcp') return [probe.expect ?? ''];
  if (probe.type === 'grpc') return [];
  const { body, header, json } = probe.expect;
  return [body ?? '', header?.value ?? '', String(json?.equals ?? '')];
}

function marked(probe: ProbeSettings): ProbeSettings {
  if (probe.type === 'tcp') return { ...probe, isSecret: true };
  return probe.type === 'http' ? { ...probe, expect: { ...probe.expect, isSecret: true } } : probe;
}
