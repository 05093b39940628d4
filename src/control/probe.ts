/** Every kind of probe behind the one that an upstream asks: the settings say which. */

import type { Clock } from '../base/time.ts';
import { GrpcProbe } from './grpc-probe.ts';
import { HttpProbe } from './http-probe.ts';
import type { Probe } from './prober.ts';
import { TcpProbe } from './tcp-probe.ts';

export function createProbe(clock: Clock): Probe {
  const http = new HttpProbe(clock);
  const tcp = new TcpProbe(clock);
  const grpc = new GrpcProbe(clock);
  const all = [http, tcp, grpc];
  return {
    run(backend, settings, done) {
      switch (settings.type) {
        case 'http':
          return http.run(backend, settings, done);
        case 'tcp':
          return tcp.run(backend, settings, done);
        case 'grpc':
          return grpc.run(backend, settings, done);
      }
    },
    forget(backend) {
      for (const probe of all) probe.forget(backend);
    },
    async close() {
      await Promise.all(all.map((probe) => probe.close()));
    },
  };
}
