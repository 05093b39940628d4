/** The configurations that the soak changes between while requests are under way. All of them serve the same clients alike. */

/**
 * @param {number} variant 0 to 4
 * @param {{ port: number, adminPort: number, tls: { port: number, certFile: string, keyFile: string } | null, backends: { id: string, url: string }[], folder: string }} place
 */
export function configOf(variant, { port, adminPort, tls, backends, folder }) {
  const secure =
    tls === null
      ? []
      : [{ name: 'tls', bind: `127.0.0.1:${tls.port}`, tls: { cert_file: tls.certFile, key_file: tls.keyFile } }];
  const [listenerChange, upstreamChange] = /** @type {[object, object]} */ (CHANGES[variant]);
  // Who leaves and comes back does so with requests under way.
  const members = variant === 3 ? backends.slice(0, -1) : backends;
  return {
    log: { level: 'info', access: false },
    drain: { timeout: '5s' },
    state_file: `${folder}/state.json`,
    listeners: [{ name: 'public', bind: `127.0.0.1:${port}`, cleartext_http2: true, ...listenerChange }, ...secure],
    admin: { bind: `127.0.0.1:${adminPort}` },
    upstreams: {
      app: {
        backends: members.map((backend, n) => (variant === 1 && n === 0 ? { ...backend, weight: 2 } : backend)),
        probe: { interval: '1s', fast_interval: '250ms', timeout: '500ms' },
        outliers: { ejection: '2s', ejection_max: '5s' },
        slow_start: { window: '2s' },
        timeouts: { response_header: '5s', idle: '10s' },
        // Short, so that the end of the soak finds descriptors closed.
        keepalive: { idle: '3s' },
        ...upstreamChange,
      },
    },
  };
}

/** Of the listener and of the upstream. */
const CHANGES = [
  [{}, {}],
  [{ limits: { pipelined: 2 } }, { retry: { attempts: 1 } }],
  [{ timeouts: { idle: '30s' } }, { balance: 'round_robin', slow_start: null }],
  [{}, { retry: { hedge: { after: '50ms', budget: '10%' } } }],
  [
    { limits: { header_bytes: '8KiB' } },
    { probe: { interval: '700ms', timeout: '400ms' }, limits: { connections: 128 } },
  ],
];
