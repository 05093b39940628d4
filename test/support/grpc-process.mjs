/** A gRPC backend in a process of its own: `node grpc-process.mjs ID PORT`. It answers every unary call with its id, and prints its port. */

import { Server, ServerCredentials } from '@grpc/grpc-js';

const [id = '', port = '0'] = process.argv.slice(2);
const same = (bytes) => bytes;

const server = new Server();
server.addService(
  {
    unary: {
      path: '/test.Echo/Unary',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  { unary: (_call, respond) => setTimeout(respond, 2, null, Buffer.from(id)) },
);
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) throw error;
  console.log(bound);
});
