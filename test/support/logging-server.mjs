/** Node's own server for the differential test: prints its port, then one JSON line for every whole request that it got. */

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const hash = createHash('sha256');
  request.on('data', (chunk) => hash.update(chunk));
  request.on('end', () => {
    const { method, url: target, headers } = request;
    if (target !== '/healthz') {
      const sha256 = hash.digest('hex');
      console.log(JSON.stringify({ id: headers['x-case'] ?? '', method, target, host: headers.host, sha256 }));
    }
    response.end('ok');
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
