/** An upstream in virtual time with a probe that answers as it is told. */

import { createRng } from '../../../src/base/rng.ts';
import type { Probe } from '../../../src/control/prober.ts';
import { Upstream, type UpstreamOptions } from '../../../src/control/upstream.ts';
import type { ProbeResult } from '../../../src/model/signal.ts';
import type { Transition } from '../../../src/model/transition.ts';
import { simulatedBackend, simulatedUpstream } from '../../../src/sim/settings.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

export const ANY = { tried: null, hash: 0, repeatable: true, pinned: -1 };

export const PASS: ProbeResult = { ok: true, status: 200, latencyMs: 1, detail: '200 OK', refused: false };
export const FAIL: ProbeResult = { ok: false, status: 500, latencyMs: 1, detail: '500', refused: false };

/** Remembers who was probed when; passes unless the backend is named in `failing`. */
export class ScriptedProbe implements Probe {
  readonly runs: { readonly backend: string; readonly at: number }[] = [];
  readonly forgotten: string[] = [];
  readonly failing = new Set<string>();
  readonly timeouts: number[] = [];
  latencyMs = 1;
  private readonly clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  readonly run: Probe['run'] = ({ id }, { timeoutMs }, done) => {
    this.timeouts.push(timeoutMs);
    this.runs.push({ backend: id, at: this.clock.now() });
    this.clock.at(this.clock.now() + this.latencyMs, () => done(this.failing.has(id) ? FAIL : PASS));
  };

  readonly forget: Probe['forget'] = ({ id }) => {
    this.forgotten.push(id);
  };

  readonly close: Probe['close'] = () => Promise.resolve();

  instantsOf(backend: string): number[] {
    return this.runs.filter((run) => run.backend === backend).map(({ at }) => at);
  }
}

export function createUpstream(
  ids: readonly string[],
  settings: Parameters<typeof simulatedUpstream>[1] = {},
  options: Partial<UpstreamOptions> = {},
) {
  const clock = new VirtualClock();
  const probe = new ScriptedProbe(clock);
  const transitions: Transition[] = [];
  const faults: unknown[] = [];
  const upstream = new Upstream({
    settings: simulatedUpstream(
      ids.map((id) => simulatedBackend(id)),
      settings,
    ),
    clock,
    rng: createRng('control'),
    probe,
    onTransition: (transition) => transitions.push(transition),
    onFault: (error) => faults.push(error),
    ...options,
  });
  return { upstream, clock, probe, transitions, faults };
}
