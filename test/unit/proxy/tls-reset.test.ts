import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { resetSocket } from '../../../src/proxy/tls-reset.ts';
import { temporaryFolder } from '../../support/processes.ts';

/** How a client of this server sees the end. */
async function endingOf(server: Server, client: Socket): Promise<string> {
  onTestFinished(() => void server.close());
  const [accepted] = (await once(server, 'connection')) as [Socket];
  accepted.on('error', () => {});
  const ending = new Promise<string>((resolve) => {
    client.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    client.on('close', () => resolve('closed'));
    client.resume();
  });
  resetSocket(accepted);
  expect(accepted.destroyed).toBe(true);
  // Twice does no harm.
  resetSocket(accepted);
  return ending;
}

it('resets a TCP connection', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  expect(await endingOf(server, connect(port, '127.0.0.1'))).toBe('ECONNRESET');
});

it('closes a unix socket, which knows no reset', async () => {
  const path = join(temporaryFolder(), 'socket');
  const server = createServer().listen(path);
  await once(server, 'listening');
  expect(await endingOf(server, connect(path))).toBe('closed');
});
