/** Starts the processes that play all backends, on the CPU that they share with the load. They end with this process. */

import { fileURLToPath } from 'node:url';
import { freePorts, listening, start } from './process.mjs';

export const PROXY_CPU = 0;
export const LOAD_CPU = 1;

/** Resolves with the ports it listens on. @param {number} count @param {number} bodySize in bytes */
export function startBackends(count, bodySize) {
  return startOn(count, (ports) => [here('../proxy/backend.mjs'), ports, String(bodySize)]);
}

/** Backends of WebSockets, which answer each message with itself. @param {number} count */
export function startEchoes(count) {
  return startOn(count, (ports) => [here('../proxy/clients/websocket.mjs'), 'echo', ports]);
}

/** @param {number} count @param {(ports: string) => string[]} command */
async function startOn(count, command) {
  const ports = await freePorts(count);
  const running = start('backends', LOAD_CPU, [process.execPath, ...command(ports.join(','))]);
  for (const port of ports) await listening(running, port);
  return ports;
}

/** @param {string} script */
function here(script) {
  return fileURLToPath(new URL(script, import.meta.url));
}
