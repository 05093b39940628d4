/** Rules that relate several keys. Each names the key to change, and says what to write. */

import { formatAuthority } from '../base/authority.ts';
import { formatBind, isLoopback } from './addresses.ts';
import { type Finding, formatPath, type Path } from './problem.ts';
import type { Config } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** @param show the value at a path, as people may see it */
export function crossCheck(config: Config, show: (path: Path) => string | undefined): Finding[] {
  return [
    ...checkRoutes(config, show),
    ...refuseRepeats(listenerNames(config), 'name'),
    ...refuseRepeats(binds(config), 'address'),
    ...Object.entries(config.upstreams).flatMap(([name, upstream]) => [
      ...refuseRepeats(backendIds(name, upstream), 'id'),
      ...checkEjection(name, upstream),
      ...checkHeartbeat(name, upstream, config),
      ...checkProbe(name, upstream, show),
      ...checkMemory(name, upstream, config),
    ]),
    ...checkHeartbeatKeys(config, show),
    ...checkToken(config),
  ];
}

type Upstream = Config['upstreams'][string];

function checkRoutes(config: Config, show: (path: Path) => string | undefined): Finding[] {
  const names = Object.keys(config.upstreams);
  return config.listeners.flatMap(({ routes }, listener): Finding[] => {
    const path = ['listeners', listener, 'routes'];
    if (routes === null) {
      if (names.length === 1) return [];
      const example = `write routes: [{ path: /, upstream: ${names[0]} }]`;
      return [{ path, at: 'key', message: `is required, because there are ${names.length} upstreams: ${example}` }];
    }
    return routes.flatMap(({ upstream }, route): Finding[] => {
      if (Object.hasOwn(config.upstreams, upstream)) return [];
      const at = [...path, route, 'upstream'];
      return [{ path: at, at: 'value', message: `no upstream is named ${show(at)}${didYouMean(upstream, names)}` }];
    });
  });
}

/** What must be unique, and where it is written. */
type Named = readonly (readonly [value: string, path: Path])[];

function refuseRepeats(named: Named, what: string): Finding[] {
  const first = new Map<string, Path>();
  return named.flatMap(([value, path]): Finding[] => {
    const earlier = first.get(value);
    if (earlier !== undefined) {
      return [{ path, at: 'value', message: `has the same ${what} as ${formatPath(earlier)}` }];
    }
    first.set(value, path);
    return [];
  });
}

function listenerNames(config: Config): Named {
  return config.listeners.flatMap(({ name }, index) =>
    name === null ? [] : [[name, ['listeners', index, 'name']] as const],
  );
}

/** Port 0 is a different port every time. */
function binds(config: Config): Named {
  const listeners = config.listeners.flatMap(({ bind }, index) => {
    const path = ['listeners', index, 'bind'];
    return Array.isArray(bind)
      ? bind.map((address, position) => ({ address, path: [...path, position] }))
      : [{ address: bind, path }];
  });
  const { admin, heartbeats } = config;
  const others = [
    { address: admin.bind, path: ['admin', 'bind'] },
    { address: heartbeats?.bind ?? null, path: ['heartbeats', 'bind'] },
  ];
  return [...listeners, ...others.flatMap(({ address, path }) => (address === null ? [] : [{ address, path }]))]
    .filter(({ address }) => address.kind === 'unix' || address.port !== 0)
    .map(({ address, path }) => [formatBind(address), path]);
}

function backendIds(name: string, { backends }: Upstream): Named {
  return backends.map((backend, index) => {
    const path = ['upstreams', name, 'backends', index];
    if (!('weight' in backend)) return [formatAuthority(backend.host, backend.port), path];
    return backend.id === null
      ? [formatAuthority(backend.url.host, backend.url.port), path]
      : [backend.id, [...path, 'id']];
  });
}

function checkEjection(name: string, { outliers }: Upstream): Finding[] {
  if (outliers === false || outliers.ejection_max >= outliers.ejection) return [];
  const path = ['upstreams', name, 'outliers', 'ejection_max'];
  return [{ path, at: 'value', message: 'must be at least as long as ejection' }];
}

function checkHeartbeat(name: string, { heartbeat }: Upstream, { heartbeats }: Config): Finding[] {
  const path = ['upstreams', name, 'heartbeat'];
  if (heartbeat.required && heartbeats === null) {
    return [
      {
        path: [...path, 'required'],
        at: 'value',
        message: 'needs heartbeats, the receiver: write heartbeats: { bind: "127.0.0.1:8082" }',
      },
    ];
  }
  if (heartbeat.lease > heartbeat.interval) return [];
  return [{ path: [...path, 'lease'], at: 'value', message: 'must be longer than interval' }];
}

function checkHeartbeatKeys({ heartbeats, upstreams }: Config, show: (path: Path) => string | undefined): Finding[] {
  const keys = heartbeats?.keys ?? [];
  const ids: Named = keys.map(({ id }, index) => [id, ['heartbeats', 'keys', index, 'id']]);
  const names = Object.keys(upstreams);
  const unknown = keys.flatMap((key, index) =>
    key.upstreams.flatMap((upstream, position): Finding[] => {
      if (Object.hasOwn(upstreams, upstream)) return [];
      const path = ['heartbeats', 'keys', index, 'upstreams', position];
      return [{ path, at: 'value', message: `no upstream is named ${show(path)}${didYouMean(upstream, names)}` }];
    }),
  );
  return [...refuseRepeats(ids, 'id'), ...unknown];
}

/** The types of probe that read a key; a key that is not here is read by all. */
const PROBE_KEYS: Readonly<Record<string, readonly string[]>> = {
  path: ['http'],
  method: ['http'],
  host: ['http', 'grpc'],
  service: ['grpc'],
  send: ['tcp'],
  'expect.status': ['http'],
  'expect.body': ['http', 'tcp'],
  'expect.header': ['http'],
  'expect.json': ['http'],
};

/** What would be ignored was written by mistake, unless it is null. */
function checkProbe(name: string, { probe }: Upstream, show: (path: Path) => string | undefined): Finding[] {
  if (probe === false) return [];
  return Object.entries(PROBE_KEYS).flatMap(([key, types]): Finding[] => {
    const path = ['upstreams', name, 'probe', ...key.split('.')];
    const isWritten = (show(path) ?? 'null') !== 'null';
    if (!isWritten || types.includes(probe.type)) return [];
    return [
      { path, at: 'key', message: `is only for probes of type ${types.join(' or ')}, this one is ${probe.type}` },
    ];
  });
}

function checkMemory(name: string, { initial_state }: Upstream, { state_file }: Config): Finding[] {
  if (initial_state !== 'last' || state_file !== null) return [];
  const path = ['upstreams', name, 'initial_state'];
  return [{ path, at: 'value', message: 'last needs a state_file to remember by' }];
}

/** Whoever reaches the admin API can drain every backend. */
function checkToken({ admin }: Config): Finding[] {
  if (admin.bind === null || admin.token !== null || isLoopback(admin.bind)) return [];
  const message = 'is required when admin.bind is not a loopback address: write token: ${env:PULSEGATE_ADMIN_TOKEN}';
  return [{ path: ['admin', 'token'], at: 'key', message }];
}
