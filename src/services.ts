/**
 * What is served beside the request path: the admin API and the receiver of heartbeats. A reload changes keys, token and hosts at once;
 * where the address changes, another server is started, and the old one ends what it has under way.
 */

import { isDeepStrictEqual } from 'node:util';
import { type AdminServer, checkExposure, startAdmin } from './admin/server.ts';
import type { Clock } from './base/time.ts';
import {
  checkSenders,
  type HeartbeatReceiver,
  type HeartbeatReceiverOptions,
  startHeartbeatReceiver,
} from './control/heartbeat-receiver.ts';
import type { Change } from './model/change.ts';
import type { ListenSocket, ListenSockets } from './model/listen-socket.ts';
import type { Log } from './model/log.ts';
import type { AdminControl } from './model/report.ts';
import type { AdminSettings, HeartbeatReceiverSettings, Settings } from './model/settings.ts';

export interface ServicesOptions {
  readonly control: AdminControl;
  readonly targets: HeartbeatReceiverOptions['targets'];
  readonly sockets: ListenSockets;
  readonly clock: Clock;
  readonly log: Log;
}

interface Running<T, S> {
  readonly server: T;
  settings: S;
}

export class Services {
  private readonly options: ServicesOptions;
  private adminServer: Running<AdminServer, AdminSettings> | null = null;
  private heartbeats: Running<HeartbeatReceiver, HeartbeatReceiverSettings> | null = null;
  private closing: Promise<unknown> = Promise.resolve();

  constructor(options: ServicesOptions) {
    this.options = options;
  }

  get admin(): AdminServer | null {
    return this.adminServer?.server ?? null;
  }

  get receiver(): HeartbeatReceiver | null {
    return this.heartbeats?.server ?? null;
  }

  /** What is new serves at once: it has to be there to be known to work. Rejects with StartError. */
  async prepare({ admin, heartbeats }: Settings): Promise<Change> {
    const changes = [await this.prepareAdmin(admin)];
    try {
      changes.push(await this.prepareHeartbeats(heartbeats));
    } catch (error) {
      for (const change of changes) change.abort();
      throw error;
    }
    return {
      commit: () => {
        for (const change of changes) change.commit();
      },
      abort: () => {
        for (const change of changes) change.abort();
      },
    };
  }

  async close(): Promise<void> {
    this.end(this.adminServer?.server);
    this.end(this.heartbeats?.server);
    await this.closing;
  }

  private async prepareAdmin(settings: AdminSettings | null): Promise<Change> {
    const { control, sockets, clock, log } = this.options;
    const known = this.adminServer;
    if (settings !== null) checkExposure(settings);
    if (known !== null && settings !== null && isDeepStrictEqual(known.settings.bind, settings.bind)) {
      return changeOf(() => {
        known.settings = settings;
        known.server.configure(settings);
      });
    }
    const server =
      settings === null
        ? null
        : await servedOn(await sockets.open(settings.bind, 'admin'), (socket) =>
            startAdmin({ settings, socket, control, clock, log }),
          );
    return changeOf(
      () => {
        this.adminServer = settings === null || server === null ? null : { server, settings };
        this.end(known?.server);
      },
      () => this.end(server),
    );
  }

  private async prepareHeartbeats(settings: HeartbeatReceiverSettings | null): Promise<Change> {
    const { targets, sockets, clock, log } = this.options;
    const known = this.heartbeats;
    if (settings !== null) checkSenders(settings);
    if (known !== null && settings !== null && isDeepStrictEqual(known.settings.bind, settings.bind)) {
      return this.changeReceiver(known, settings);
    }
    const server =
      settings === null
        ? null
        : await servedOn(await sockets.open(settings.bind, 'heartbeats'), (socket) =>
            startHeartbeatReceiver({
              ...{ settings, socket, targets, clock, log },
              datagrams: settings.udp === null ? null : (sockets.takeDatagrams?.(settings.udp) ?? null),
            }),
          );
    return changeOf(
      () => {
        this.heartbeats = settings === null || server === null ? null : { server, settings };
        this.end(known?.server);
      },
      () => this.end(server),
    );
  }

  private async changeReceiver(
    known: Running<HeartbeatReceiver, HeartbeatReceiverSettings>,
    settings: HeartbeatReceiverSettings,
  ): Promise<Change> {
    const isSameUdp = isDeepStrictEqual(known.settings.udp, settings.udp);
    const udp = isSameUdp || settings.udp === null ? null : await known.server.bindUdp(settings.udp);
    return changeOf(
      () => {
        known.settings = settings;
        known.server.replaceKeys(settings.keys);
        if (!isSameUdp) known.server.useUdp(udp);
      },
      () => void udp?.close(),
    );
  }

  private end(server: { close(): Promise<void> } | null | undefined): void {
    if (server) this.closing = Promise.all([this.closing, server.close()]);
  }
}

async function servedOn<T>(socket: ListenSocket, start: (socket: ListenSocket) => Promise<T>): Promise<T> {
  try {
    return await start(socket);
  } catch (error) {
    socket.close();
    throw error;
  }
}

function changeOf(commit: () => void, abort: () => void = () => {}): Change {
  return { commit, abort };
}
