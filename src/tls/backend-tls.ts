/**
 * TLS to the backends of one upstream: what we trust, who a backend must prove to be, and who we are. Everything that talks
 * to those backends (requests and probes) connects through here, so that all of it keeps the same rules.
 *
 * The name that a certificate must carry is `server_name`, else the backend's own host. Invariants: with `verify`, nothing
 * is sent to a backend that has not proved that name; a session is resumed only towards the same backend, address, name
 * and protocol under the same files, and only as long as what the last full handshake has proved can be relied on.
 */

import { isIP, type NetConnectOpts } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { Clock } from '../base/time.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { Log } from '../model/log.ts';
import type { UpstreamTls } from '../model/settings.ts';
import { type Certificate, type PemFile, type Reading, readAuthorities, readCertificate } from './certificate.ts';
import type { FileWatch, Watched } from './file-watch.ts';
import { systemAuthorities } from './system-authorities.ts';
import { explainTlsError, tlsFailure } from './tls-failure.ts';

/** Sessions kept for resumption; the oldest make room. */
const SESSIONS = 1_000;

/** After this the certificate is to be shown again: it may have been replaced. */
const PROVEN_MS = 3_600_000;

/** TCP keep-alive probes tell of peers that vanished without a word. */
const TCP_KEEPALIVE_DELAY_MS = 30_000;

export type BackendProtocol = 'http/1.1' | 'h2';

export interface BackendTlsOptions {
  /** The upstream's name, for the log. */
  readonly upstream: string;
  readonly settings: UpstreamTls;
  readonly files: FileWatch;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ConnectOptions {
  /** The one protocol to agree on; null = none is negotiated. HTTP/1.1 is taken for agreed when a backend says nothing. */
  readonly protocol: BackendProtocol | null;
  /** Another port than the backend's own. */
  readonly port?: number | null;
  /** Always a full handshake, which shows the backend's present certificate. */
  readonly isFresh?: boolean;
  /** The backend may close its side before we close ours; default false. */
  readonly allowHalfOpen?: boolean;
  /** The handshake is done and the backend has proved who it is. Called at most once. */
  onSecure(): void;
}

/** Node does not show the certificate behind a resumed session, and so does not look at it again: we remember its end. */
interface Session {
  readonly ticket: Buffer;
  /** Milliseconds since the Unix epoch; carried over from session to session. */
  readonly provenUntilMs: number;
}

export class BackendTls {
  private readonly options: BackendTlsOptions;
  private authorities: Watched<readonly string[]> | null = null;
  private identity: Watched<Certificate> | null = null;
  /** null = not needed so far. */
  private built: SecureContext | null = null;
  private readonly sessions = new Map<string, Session>();

  constructor(options: BackendTlsOptions) {
    this.options = options;
  }

  /** Reads the files. Rejects with StartError when one of them is of no use. */
  async start(): Promise<void> {
    const { upstream, settings, files, clock, log } = this.options;
    const { caFile, certFile, keyFile, verify } = settings;
    if (caFile !== null) {
      this.authorities = await files.open({
        what: `authorities of upstream ${upstream}`,
        paths: [caFile],
        read: ([file]) => readAuthorities(file as PemFile),
      });
      this.authorities.onChange = () => this.renew();
    }
    if (certFile !== null && keyFile !== null) {
      this.identity = await files.open({
        what: `client certificate of upstream ${upstream}`,
        paths: [certFile, keyFile],
        read: ([cert, key]): Reading<Certificate> => readCertificate(cert as PemFile, key as PemFile, clock.wall()),
      });
      this.identity.onChange = () => this.renew();
    }
    if (!verify)
      log.warn({ upstream }, `certificates of upstream ${upstream} are not verified: anybody may pose as it`);
  }

  /** Looks at its files no more: somebody else speaks TLS to these backends from now on. Connections may still be opened. */
  close(): void {
    this.authorities?.close();
    this.identity?.close();
  }

  /**
   * What connections are opened under. It is another one when files have changed: connections opened under the old one are
   * to be used for nothing new.
   */
  get context(): SecureContext {
    this.built ??= createSecureContext({
      ca: this.authorities === null ? systemAuthorities() : [...this.authorities.value],
      minVersion: 'TLSv1.2',
      ...(this.identity === null ? {} : { cert: this.identity.value.cert, key: this.identity.value.key }),
    });
    return this.built;
  }

  /**
   * Connects. Whatever goes wrong is the socket's `error`, which `explain` puts into words; nothing may be written before
   * `onSecure`.
   */
  connect(
    backend: BackendSpec,
    { protocol, port, isFresh = false, allowHalfOpen = false, onSecure }: ConnectOptions,
  ): TLSSocket {
    const { verify } = this.options.settings;
    const name = this.nameOf(backend);
    const key = `${backend.id} ${backend.url} ${port ?? backend.port} ${name} ${protocol}`;
    const { context } = this;
    const session = isFresh ? null : this.sessionFor(key);
    const options: ConnectionOptions & NetConnectOpts = {
      host: backend.host,
      port: port ?? backend.port,
      allowHalfOpen,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS,
      secureContext: context,
      rejectUnauthorized: verify,
      // RFC 6066 §3: addresses are no names, and certificates carry them elsewhere.
      servername: isIP(name) === 0 ? name : '',
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
      ...(protocol === null ? {} : { ALPNProtocols: [protocol] }),
      ...(session === null ? {} : { session: session.ticket }),
    };
    const socket = connect(options);
    let provenUntilMs = 0;
    let ticket: Buffer | null = null;
    const keep = () => {
      // A session of a backend that has not proved anything yet, or of other files, is not kept.
      if (ticket !== null && provenUntilMs > 0 && this.built === context) this.keep(key, { ticket, provenUntilMs });
    };
    if (!isFresh) {
      socket.on('session', (latest: Buffer) => {
        ticket = latest;
        keep();
      });
    }
    socket.once('secureConnect', () => {
      if (protocol === 'h2' && socket.alpnProtocol !== 'h2') {
        socket.destroy(tlsFailure(`${backend.id} does not speak HTTP/2 over TLS: set protocol to http1`));
        return;
      }
      const isResumed = session !== null && socket.isSessionReused();
      provenUntilMs = isResumed ? session.provenUntilMs : this.provenUntil(socket);
      keep();
      onSecure();
    });
    // A session that a backend no longer likes may be what fails.
    socket.once('error', () => this.sessions.delete(key));
    return socket;
  }

  /** In words that say what to do, if TLS is to blame. */
  explain(error: NodeJS.ErrnoException, backend: BackendSpec): NodeJS.ErrnoException {
    return explainTlsError(error, { id: backend.id, name: this.nameOf(backend) });
  }

  private nameOf(backend: BackendSpec): string {
    return this.options.settings.serverName ?? backend.host;
  }

  private provenUntil(socket: TLSSocket): number {
    const expiresAtMs = Date.parse(socket.getPeerCertificate().valid_to);
    const againAtMs = this.options.clock.wall() + PROVEN_MS;
    return this.options.settings.verify ? Math.min(expiresAtMs, againAtMs) : againAtMs;
  }

  private sessionFor(key: string): Session | null {
    const session = this.sessions.get(key) ?? null;
    return session === null || session.provenUntilMs <= this.options.clock.wall() ? null : session;
  }

  private keep(key: string, session: Session): void {
    this.sessions.delete(key);
    this.sessions.set(key, session);
    if (this.sessions.size <= SESSIONS) return;
    const [oldest] = this.sessions.keys();
    this.sessions.delete(oldest as string);
  }

  private renew(): void {
    this.built = null;
    this.sessions.clear();
  }
}
