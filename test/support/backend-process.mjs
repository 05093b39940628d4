/**
 * A backend for the end-to-end tests: `node backend-process.mjs ID PORT`. It prints the port it listens on.
 * `/healthz` passes; `/slow/MS` answers after MS milliseconds; everything else answers with the id, in the way that the last
 * `PUT /behaviour` asked for: of every `of` requests the first `fail` get 500 at once, the rest 200 after `delayMs`.
 */

import { createServer } from 'node:http';

const [id, port] = process.argv.slice(2);

let behaviour = { fail: 0, of: 1, delayMs: 0, headers: {}, trailers: {} };
let requests = 0;

const server = createServer((request, response) => {
  const { url = '' } = request;
  if (request.method === 'PUT' && url === '/behaviour') {
    readJson(request, (value) => {
      behaviour = { ...behaviour, ...value };
      requests = 0;
      response.writeHead(204).end();
    });
    return;
  }
  request.resume();
  const answer = (status, headers) => {
    response.writeHead(status, { 'x-backend': id ?? '', ...headers });
    response.addTrailers(behaviour.trailers);
    response.end(`${id} ${url}`);
  };
  const slow = /^\/slow\/(\d+)/.exec(url);
  if (slow !== null) setTimeout(answer, Number(slow[1]), 200);
  else if (url === '/healthz') answer(200);
  else if (requests++ % behaviour.of < behaviour.fail) answer(500, behaviour.headers);
  else if (behaviour.delayMs === 0) answer(200, behaviour.headers);
  else setTimeout(answer, behaviour.delayMs, 200, behaviour.headers);
});

function readJson(request, done) {
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => {
    text += chunk;
  });
  request.on('end', () => done(JSON.parse(text)));
}

server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
