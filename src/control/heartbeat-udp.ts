/**
 * Heartbeats as datagrams, `<key id> <hex hmac> <json>`: the HMAC is over the JSON's bytes, which name upstream and
 * backend. Nothing is ever answered, so that nobody can be flooded through us; a lost datagram is a missed heartbeat.
 */

import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { StartError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import { type HeartbeatGate, MAX_HEARTBEAT_BYTES, refuse } from './heartbeat-gate.ts';

const SPACE = 0x20;
const HMAC_DIGITS = 64;
const MAX_KEY_ID_BYTES = 256;

/** What the kernel may hold for us while we are busy: a few thousand datagrams. */
const RECEIVE_BUFFER_BYTES = 4 * 1_048_576;

export interface UdpAddress {
  readonly host: string;
  readonly port: number;
}

export interface HeartbeatUdp {
  readonly address: UdpAddress;
  readonly socket: Socket;
  close(): Promise<void>;
}

/** On a socket that is bound already, and may be shared with another process. */
export function useHeartbeatUdp(socket: Socket, gate: HeartbeatGate, log: Log): HeartbeatUdp {
  socket.on('message', (datagram) => receive(datagram, gate));
  return running(socket, log);
}

/** Rejects with StartError when the address cannot be had. */
export function bindHeartbeatUdp({ host, port }: UdpAddress, gate: HeartbeatGate, log: Log): Promise<HeartbeatUdp> {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.on('message', (datagram) => receive(datagram, gate));
  return new Promise((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => reject(cannotReceive(`udp ${host}:${port}`, error)));
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(running(socket, log));
    });
  });
}

function running(socket: Socket, log: Log): HeartbeatUdp {
  socket.on('error', (error) => log.error({ err: error }, 'the heartbeat datagram socket failed'));
  const { address, port } = socket.address();
  return { address: { host: address, port }, socket, close: () => new Promise((closed) => socket.close(closed)) };
}

/** The one line of every failed bind of the receiver. */
export function cannotReceive(where: string, error: NodeJS.ErrnoException): StartError {
  const cause = error.code === 'EADDRINUSE' ? 'it is in use' : (error.code ?? error.message);
  return new StartError(`Cannot receive heartbeats on ${where}: ${cause}.`);
}

function receive(datagram: Buffer, gate: HeartbeatGate): void {
  const keyEnd = datagram.subarray(0, MAX_KEY_ID_BYTES + 1).indexOf(SPACE);
  const bodyStart = keyEnd + HMAC_DIGITS + 2;
  if (keyEnd < 1 || datagram[bodyStart - 1] !== SPACE) {
    gate.count(refuse('bad_heartbeat', 'a datagram is `<key id> <hex hmac> <json>`'), null);
  } else if (datagram.length - bodyStart > MAX_HEARTBEAT_BYTES) {
    gate.count(refuse('body_too_large', `a heartbeat may have at most ${MAX_HEARTBEAT_BYTES} bytes`), null);
  } else {
    const keyId = datagram.toString('utf8', 0, keyEnd);
    const hmac = datagram.toString('latin1', keyEnd + 1, bodyStart - 1);
    gate.admit({ body: datagram.subarray(bodyStart), keyId, hmac, isLocal: false }, null);
  }
}
