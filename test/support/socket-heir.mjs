// A process that listens on the socket it is sent, and answers every connection with its name. `ready` when it does; run as a file.
import { createServer } from 'node:net';

process.on('message', (_, handle) => {
  const server = createServer((socket) => socket.end('heir'));
  server.once('listening', () => process.send('ready'));
  server._handle = handle;
  server._listen2(null, -1, -1, 4_096);
});
process.on('disconnect', () => process.exit());
