/** Rules that relate the keys of one upstream. Each names the key to change, and says what to write. */

import { isIP } from 'node:net';
import { formatAuthority } from '../base/authority.ts';
import type { BackendAddress } from '../model/backend-url.ts';
import type { Finding, Path } from './problem.ts';
import { type Named, refuseRepeats } from './repeats.ts';
import type { Config } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { checkPair } from './tls-files.ts';

type Upstream = Config['upstreams'][string];
type Backend = Upstream['backends'][number];

const NEEDS_RECEIVER = 'needs heartbeats, the receiver: write heartbeats: { bind: "127.0.0.1:8082" }';

export function checkUpstream(config: Config, name: string, show: (path: Path) => string | undefined): Finding[] {
  const upstream = config.upstreams[name] as Upstream;
  return [
    ...refuseRepeats(backendIds(name, upstream), 'id'),
    ...checkDiscovery(name, upstream, config),
    ...checkProtocol(name, upstream),
    ...checkTls(name, upstream),
    ...checkHashing(name, upstream),
    ...checkZone(name, upstream, show),
    ...checkRole(name, upstream, config),
    ...checkEjection(name, upstream),
    ...checkHeartbeat(name, upstream, config),
    ...checkProbe(name, upstream, show),
    ...checkMemory(name, upstream, config),
    ...checkAdaptiveLimit(name, upstream),
  ];
}

function addressOf(backend: Backend): BackendAddress {
  return 'weight' in backend ? backend.url : backend;
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
    return [{ path: [...path, 'required'], at: 'value', message: NEEDS_RECEIVER }];
  }
  if (heartbeat.lease > heartbeat.interval) return [];
  return [{ path: [...path, 'lease'], at: 'value', message: 'must be longer than interval' }];
}

/** One kind of discovery, whole; and backends from somewhere. */
function checkDiscovery(name: string, { backends, discovery, tls, protocol }: Upstream, config: Config): Finding[] {
  const path = ['upstreams', name, 'discovery'];
  if (discovery === null) {
    if (backends.length > 0) return [];
    return [
      { path: ['upstreams', name, 'backends'], at: 'key', message: 'must have at least one entry, or discovery' },
    ];
  }
  const { dns, file, heartbeats } = discovery;
  if (Number(dns !== null) + Number(file !== null) + Number(heartbeats) !== 1) {
    return [{ path, at: 'value', message: 'must have exactly one of dns, file and heartbeats: true' }];
  }
  if (heartbeats && config.heartbeats === null) {
    return [{ path: [...path, 'heartbeats'], at: 'value', message: NEEDS_RECEIVER }];
  }
  if (dns === null) return [];
  const say = (key: string, message: string): Finding => ({ path: [...path, 'dns', key], at: 'key', message });
  const isHttps = dns.scheme === 'https';
  const findings = [];
  if (dns.type === 'a' && dns.port === null) findings.push(say('port', 'is required: address records carry none'));
  if (dns.type === 'srv' && dns.port !== null)
    findings.push(say('port', 'is not for srv records, which carry their own'));
  if (protocol === (isHttps ? 'h2c' : 'h2')) findings.push(say('scheme', `does not go with protocol: ${protocol}`));
  if (isHttps && dns.type === 'a' && tls.verify && tls.server_name === null) {
    findings.push(say('scheme', 'needs tls.server_name: certificates name hosts, and addresses are found'));
  }
  if (dns.resolver !== null && isIP(dns.resolver.host) === 0)
    findings.push(say('resolver', 'must be an address, not a name'));
  return findings;
}

/** HTTP/2 without a negotiation must be what every backend expects. */
function checkProtocol(name: string, { protocol, backends }: Upstream): Finding[] {
  const other = backends.map(addressOf).find(({ tls }) => tls !== (protocol === 'h2'));
  if (protocol === 'http1' || other === undefined) return [];
  const [scheme, alternative] = protocol === 'h2' ? ['https', 'h2c'] : ['http', 'h2'];
  return [
    {
      path: ['upstreams', name, 'protocol'],
      at: 'value',
      message: `${protocol} is only for ${scheme}:// backends, which ${other.url} is not: write ${alternative} for it`,
    },
  ];
}

/** Whoever writes more than the defaults expects TLS. */
function checkTls(name: string, { tls, backends, discovery }: Upstream): Finding[] {
  const path = ['upstreams', name, 'tls'];
  const unused =
    discovery !== null || backends.map(addressOf).some((address) => address.tls)
      ? []
      : Object.entries(tls).filter(([, value]) => value !== null && value !== true);
  return [
    ...checkPair(tls, path),
    ...unused.map(([key]): Finding => {
      return { path: [...path, key], at: 'key', message: 'is only for https:// backends, and there is none' };
    }),
  ];
}

function checkHashing(name: string, { balance, hash_on }: Upstream): Finding[] {
  const path = ['upstreams', name, 'hash_on'];
  if (hash_on !== null && typeof hash_on === 'object' && (hash_on.header === null) === (hash_on.cookie === null)) {
    return [{ path, at: 'value', message: 'must name either a header or a cookie' }];
  }
  const isHashing = balance === 'ring_hash' || balance === 'maglev';
  if (isHashing === (hash_on !== null)) return [];
  const message = isHashing
    ? `is required by ${balance}: write hash_on: client_ip, path, { header: NAME } or { cookie: NAME }`
    : `is only for ring_hash and maglev, and balance is ${balance}`;
  return [{ path, at: 'key', message }];
}

function checkZone(
  name: string,
  { zone, backends, discovery }: Upstream,
  show: (path: Path) => string | undefined,
): Finding[] {
  const labels = backends.flatMap((backend) => ('weight' in backend ? Object.keys(backend.labels) : []));
  if (zone === null || discovery !== null || labels.includes(zone.label)) return [];
  const path = ['upstreams', name, 'zone', 'label'];
  const label = show(path) ?? `"${zone.label}"`;
  return [{ path, at: 'value', message: `no backend has the label ${label}${didYouMean(zone.label, labels)}` }];
}

/** Only heartbeats tell roles: without them nobody would be used. */
function checkRole(name: string, { require_role }: Upstream, { heartbeats }: Config): Finding[] {
  if (require_role === null || heartbeats !== null) return [];
  return [{ path: ['upstreams', name, 'require_role'], at: 'value', message: NEEDS_RECEIVER }];
}

function checkAdaptiveLimit(name: string, { limits: { adaptive } }: Upstream): Finding[] {
  if (adaptive === null || adaptive.max >= adaptive.min) return [];
  const path = ['upstreams', name, 'limits', 'adaptive', 'max'];
  return [{ path, at: 'value', message: 'must be at least as large as min' }];
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
