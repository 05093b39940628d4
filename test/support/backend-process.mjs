/**
 * A backend for the end-to-end tests: `node backend-process.mjs ID PORT`. It prints the port it listens on.
 * `/healthz` passes; `/slow/MS` answers after MS milliseconds; everything else answers at once with the id.
 */

import { createServer } from 'node:http';

const [id, port] = process.argv.slice(2);

const server = createServer((request, response) => {
  const delay = /^\/slow\/(\d+)/.exec(request.url ?? '');
  request.resume();
  const answer = () => {
    response.setHeader('x-backend', id ?? '');
    response.end(`${id} ${request.url}`);
  };
  if (delay === null) answer();
  else setTimeout(answer, Number(delay[1]));
});

server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
