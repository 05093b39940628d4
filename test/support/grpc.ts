/**
 * A gRPC service by hand, on the implementation that others wrote: all four kinds of calls over messages of plain bytes.
 */

import {
  type CallOptions,
  Client,
  type ClientOptions,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerOptions,
  type ServiceDefinition,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';

const same = (bytes: Buffer): Buffer => bytes;
const kind = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

const ECHO: ServiceDefinition = {
  unary: kind('Unary', false, false),
  upload: kind('Upload', true, false),
  download: kind('Download', false, true),
  talk: kind('Talk', true, true),
};

export interface EchoService {
  readonly unary?: handleUnaryCall<Buffer, Buffer>;
  readonly upload?: handleClientStreamingCall<Buffer, Buffer>;
  readonly download?: handleServerStreamingCall<Buffer, Buffer>;
  readonly talk?: handleBidiStreamingCall<Buffer, Buffer>;
}

export interface GrpcServer {
  readonly origin: string;
  readonly server: Server;
}

const UNLIMITED = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

/** Kinds that are not given answer UNIMPLEMENTED. */
export async function startGrpcServer(service: EchoService, options: ServerOptions = {}): Promise<GrpcServer> {
  const server = new Server({ ...UNLIMITED, ...options });
  server.addService(ECHO, service as UntypedServiceImplementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return { origin: `http://127.0.0.1:${port}`, server };
}

/** A client of the service at `port`, with a connection of its own and no retries; closed when the test ends. */
export function connectGrpc(port: number, options: ClientOptions = {}): EchoClient {
  const client = new EchoClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    ...UNLIMITED,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

/** The calls of the service by their paths, for the untyped methods of the client. */
export class EchoClient extends Client {}

export const PATHS = {
  unary: '/test.Echo/Unary',
  upload: '/test.Echo/Upload',
  download: '/test.Echo/Download',
  talk: '/test.Echo/Talk',
} as const;

export interface UnaryResult {
  readonly error: ServiceError | null;
  readonly message: Buffer | undefined;
  readonly headers: Metadata | null;
  readonly trailers: Metadata | null;
}

/** Resolves with whatever came of it. */
export function callUnary(
  client: EchoClient,
  message: Buffer,
  metadata = new Metadata(),
  options: CallOptions = {},
): Promise<UnaryResult> {
  return new Promise((resolve) => {
    let error: ServiceError | null = null;
    let answer: Buffer | undefined;
    let headers: Metadata | null = null;
    const call = client.makeUnaryRequest<Buffer, Buffer>(
      PATHS.unary,
      same,
      same,
      message,
      metadata,
      options,
      (failure, got) => {
        error = failure;
        answer = got;
      },
    );
    call.on('metadata', (got: Metadata) => {
      headers = got;
    });
    call.on('status', ({ metadata: trailers }) =>
      setImmediate(() => resolve({ error, message: answer, headers, trailers })),
    );
  });
}

export { same };
