/** Every kind of probe behind the one that an upstream asks: the settings say which. */

import type { Clock } from '../base/time.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { GrpcProbe } from './grpc-probe.ts';
import { HttpProbe } from './http-probe.ts';
import type { Probe } from './prober.ts';
import { TcpProbe } from './tcp-probe.ts';

/** @param tls how TLS is spoken to backends that want it, to probe as requests connect; null = none of them does */
export function createProbe(clock: Clock, tls: BackendTls | null = null): Probe {
  const http = new HttpProbe(clock, tls);
  const tcp = new TcpProbe(clock, tls);
  const grpc = new GrpcProbe(clock, tls);
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
