/**
 * The demo's embedded fleet: the backends that upstream `demo` names, each with a speed of its own, and their remote
 * control on the backend of upstream `demo_control`. Either everything listens, or nothing does.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRng } from '../base/rng.ts';
import type { Clock } from '../base/time.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { Settings } from '../model/settings.ts';
import { type DemoBackend, startDemoBackend } from './backend.ts';
import { createDemoControl } from './control.ts';
import { closeServer, listen } from './http.ts';

export interface DemoFleet {
  readonly backends: readonly DemoBackend[];
  /** Where the control really listens, after port 0 has become a number. */
  readonly controlPort: number;
  /** Closes every listener and connection. */
  stop(): Promise<void>;
}

/** Mean service times in milliseconds, in the order of the backends; more backends start over. */
const MEAN_MS = [4, 8, 15, 30];

/** Rejects with StartError, naming the port, when one is taken. */
export async function startDemoFleet(settings: Settings, deps: { readonly clock: Clock }): Promise<DemoFleet> {
  const specs = backendsOf(settings, 'demo');
  const controlSpec = backendsOf(settings, 'demo_control')[0] as BackendSpec;
  const rng = createRng('demo');
  const backends: DemoBackend[] = [];
  const control = createServer(createDemoControl(backends));

  async function stop(): Promise<void> {
    await Promise.all([closeServer(control), ...backends.map((backend) => backend.stop())]);
  }

  try {
    for (const [index, { id, host, port }] of specs.entries()) {
      const meanMs = MEAN_MS[index % MEAN_MS.length] as number;
      const options = { id, host, port, meanMs, heartbeatsTo: receiverOf(settings) };
      backends.push(await startDemoBackend(options, { clock: deps.clock, rng: rng.fork(id) }));
    }
    await listen(control, controlSpec, 'the demo control');
  } catch (error) {
    await stop();
    throw error;
  }
  return { backends, controlPort: (control.address() as AddressInfo).port, stop };
}

function receiverOf({ heartbeats }: Settings): string | null {
  return heartbeats?.bind.kind === 'tcp' ? `http://${heartbeats.bind.host}:${heartbeats.bind.port}` : null;
}

function backendsOf(settings: Settings, upstream: string): readonly BackendSpec[] {
  const found = settings.upstreams.find(({ name }) => name === upstream);
  if (found === undefined || found.backends.length === 0) {
    throw new Error(`the demo needs an upstream "${upstream}" with a backend`);
  }
  return found.backends;
}
