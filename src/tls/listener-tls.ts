/**
 * TLS as one listener speaks it: certificates chosen by the name the client asks for, client certificates where they are
 * required, renewed files in use from the next handshake on. It does not listen: connections are handed to it.
 *
 * Assumes that somebody else bounds how many handshakes are open and for how long. Invariants: no callback throws, whatever
 * name a client sends; a session resumes only on the listener that began it, and never after authorities have changed, so
 * that no resumption goes round a certificate that this listener asks for.
 */

import { constants, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import type { Clock, Timer } from '../base/time.ts';
import type { Log } from '../model/log.ts';
import type { CertificateFiles, ListenerTls as ListenerTlsSettings } from '../model/settings.ts';
import { type Certificate, type PemFile, readAuthorities, readCertificate } from './certificate.ts';
import type { FileWatch, Watched } from './file-watch.ts';
import { rawSocketOf } from './raw-socket.ts';
import { ServerNames } from './server-names.ts';

/** Session tickets are sealed with one key for this long; older tickets lead to a full handshake. */
const TICKET_KEY_MS = 3_600_000;

/** Longer than any handshake may take: whoever hands connections over ends those that take too long. */
const NEVER_MS = 0x7fffffff;

/** Name, HMAC and AES key, as node takes them together. */
const TICKET_KEY_BYTES = 48;

export interface ListenerTlsOptions {
  readonly settings: ListenerTlsSettings;
  /** The listener's name, for the log. */
  readonly listener: string;
  /** Protocols by ALPN, the best first. A client that offers others only is refused. */
  readonly protocols: readonly string[];
  readonly files: FileWatch;
  readonly clock: Clock;
  readonly log: Log;
}

type OnSecure = (socket: TLSSocket) => void;

export class ListenerTls {
  /** Handshakes that failed, since the start. */
  failures = 0;
  private readonly options: ListenerTlsOptions;
  /** OpenSSL resumes no session of another one. */
  private readonly sessionContext = randomBytes(16).toString('hex');
  private readonly handshakes = new WeakMap<Socket, OnSecure>();
  private certificates: readonly Watched<Certificate>[] = [];
  private authorities: Watched<readonly string[]> | null = null;
  private contexts: readonly SecureContext[] = [];
  private names = new ServerNames([]);
  private server: Server | null = null;
  private ticketTimer: Timer | null = null;

  constructor(options: ListenerTlsOptions) {
    this.options = options;
  }

  /** Reads the files. Rejects with StartError when one of them is of no use. */
  async start(): Promise<void> {
    const { settings, listener, files, clock } = this.options;
    const certificates: Watched<Certificate>[] = [];
    // At once, so that those that were opened can be let go of when another is of no use.
    this.certificates = certificates;
    for (const { certFile, keyFile } of settings.certificates) {
      certificates.push(
        await files.open({
          what: `certificate of listener ${listener}`,
          paths: [certFile, keyFile],
          read: ([cert, key]) => readCertificate(cert as PemFile, key as PemFile, clock.wall()),
        }),
      );
    }
    if (settings.clientCaFile !== null) {
      this.authorities = await files.open({
        what: `client authorities of listener ${listener}`,
        paths: [settings.clientCaFile],
        read: ([file]) => readAuthorities(file as PemFile),
      });
      this.authorities.onChange = () => this.renew();
    }
    for (const certificate of certificates) certificate.onChange = () => this.renew();
    this.server = this.createServer();
    this.renew();
    this.scheduleTicketKey();
  }

  /**
   * Begins a handshake on a connection of which nothing was read, or what was read was put back. `onSecure` follows if it
   * succeeds; otherwise the connection is destroyed.
   */
  accept(socket: Socket, onSecure: OnSecure): void {
    this.handshakes.set(socket, onSecure);
    (this.server as Server).emit('connection', socket);
  }

  /**
   * Which hosts may be asked for on this connection: those whose certificate it was shown (RFC 9110 §7.4; a client may think
   * that one certificate allows it to reach all). Nothing when every host is allowed: there is only one certificate, or
   * the name is not known, because with TLS 1.2 a resumed session comes without it. All hosts of a listener ask the same
   * of their clients, so that nobody gains by it.
   */
  hostsAllowedOn(socket: TLSSocket): { readonly allowsHost?: (host: string) => boolean } {
    const asked = typeof socket.servername === 'string' ? socket.servername : '';
    if (this.certificates.length === 1 || (asked === '' && socket.isSessionReused())) return {};
    const shown = this.names.select(asked);
    // A host may carry a port, which chooses nothing.
    return { allowsHost: (host) => this.names.select(host.replace(/:\d+$/, '')) === shown };
  }

  /** Looks at its files no more: another one takes the handshakes from now on, and those under way may end here. */
  retire(): void {
    this.ticketTimer?.cancel();
    for (const certificate of this.certificates) certificate.close();
    this.authorities?.close();
  }

  close(): void {
    this.retire();
    this.server?.removeAllListeners();
  }

  /** A server that never listens: node gives it tickets, ALPN and the check of client certificates. */
  private createServer(): Server {
    const server = createServer({
      ...this.contextOptions(this.certificates[0] as Watched<Certificate>),
      ...(this.options.protocols.length > 0 && { ALPNProtocols: [...this.options.protocols] }),
      requestCert: this.authorities !== null,
      rejectUnauthorized: this.authorities !== null,
      handshakeTimeout: NEVER_MS,
      SNICallback: (name, done) => done(null, this.contexts[this.names.select(name)]),
    });
    server.on('secureConnection', (socket) => this.onSecure(socket));
    server.on('tlsClientError', (error, socket) => this.onFailure(error, socket));
    return server;
  }

  /** New contexts from what the files hold: for handshakes from now on. Connections and handshakes under way keep theirs. */
  private renew(): void {
    const [first] = this.certificates;
    this.contexts = this.certificates.map((certificate) => createSecureContext(this.contextOptions(certificate)));
    this.names = new ServerNames(this.options.settings.certificates.map((files, index) => this.namesOf(files, index)));
    this.server?.setSecureContext(this.contextOptions(first as Watched<Certificate>));
    this.changeTicketKey();
  }

  private namesOf({ names }: CertificateFiles, index: number): readonly string[] {
    return names.length > 0 ? names : (this.certificates[index]?.value.names ?? []);
  }

  private contextOptions({ value: { cert, key } }: Watched<Certificate>): TlsOptions {
    return {
      cert,
      key,
      ...(this.authorities === null ? {} : { ca: [...this.authorities.value] }),
      minVersion: this.options.settings.minVersion,
      honorCipherOrder: true,
      // Renegotiation costs the server more than the client, and TLS 1.3 and HTTP/2 know none.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      sessionIdContext: this.sessionContext,
    };
  }

  private onSecure(socket: TLSSocket): void {
    const raw = rawSocketOf(socket);
    const onSecure = raw === null ? undefined : this.handshakes.get(raw);
    if (raw === null || onSecure === undefined) {
      socket.destroy();
      return;
    }
    this.handshakes.delete(raw);
    onSecure(socket);
  }

  private onFailure(error: Error, socket: TLSSocket): void {
    this.failures++;
    const { listener, log } = this.options;
    log.debug({ listener, code: (error as NodeJS.ErrnoException).code }, 'a TLS handshake failed');
    socket.destroy();
    rawSocketOf(socket)?.destroy();
  }

  private scheduleTicketKey(): void {
    const { clock } = this.options;
    this.ticketTimer = clock.at(clock.now() + TICKET_KEY_MS, () => {
      this.changeTicketKey();
      this.scheduleTicketKey();
    });
  }

  private changeTicketKey(): void {
    this.server?.setTicketKeys(randomBytes(TICKET_KEY_BYTES));
  }
}
