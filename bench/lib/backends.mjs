/** Starts the process that plays all backends, on the CPU that it shares with the load. */

import { fileURLToPath } from 'node:url';
import { freePorts, listening, start } from './process.mjs';

export const PROXY_CPU = 0;
export const LOAD_CPU = 1;

/** Resolves with the ports it listens on. @param {number} count @param {number} bodySize in bytes */
export async function startBackends(count, bodySize) {
  const ports = await freePorts(count);
  const script = fileURLToPath(new URL('../proxy/backend.mjs', import.meta.url));
  const running = start('backends', LOAD_CPU, [process.execPath, script, ports.join(','), String(bodySize)]);
  for (const port of ports) await listening(running, port);
  return ports;
}
