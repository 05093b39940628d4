/** The built program as a process: what scripts and service managers see. `npm test` builds it first. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let folder = '';

/** A busy machine may need seconds to start a process. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

beforeAll(async () => {
  if (!existsSync(MAIN)) throw new Error('dist/main.js is missing: run npm run build');
  folder = await mkdtemp(join(tmpdir(), 'pulsegate-e2e-'));
});

afterAll(() => rm(folder, { recursive: true }));

class Program {
  out = '';
  err = '';
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcessWithoutNullStreams;

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { PATH: process.env.PATH } });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    onTestFinished(() => {
      this.child.kill('SIGKILL');
    });
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** The reader goes away, as `| head` does. */
  closeOutput(): void {
    this.child.stdout.destroy();
  }

  /** The port of the first listener, once the log says that it serves. */
  async port(): Promise<number> {
    await eventually(() => this.out).toContain('pulsegate is serving');
    const line = this.out.split('\n').find((text) => text.includes('pulsegate is serving')) as string;
    return (JSON.parse(line) as { listeners: { address: { port: number } }[] }).listeners[0]?.address.port as number;
  }
}

async function startBackend(answer: Parameters<typeof createServer>[1]): Promise<number> {
  const server: Server = createServer(answer as never);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function configFile(name: string, backendPort: number, bind = '127.0.0.1:0'): Promise<string> {
  const text = `
listeners: [{ bind: "${bind}" }]
admin: { bind: null }
upstreams: { app: { backends: ["http://127.0.0.1:${backendPort}"], probe: false } }
`;
  await writeFile(join(folder, name), text);
  return name;
}

describe('run', () => {
  test('serves until SIGTERM, lets an open request finish, and exits with 0', async () => {
    let answer = () => {};
    const backend = await startBackend((_, response) => {
      answer = () => response.end('late but whole');
    });
    const program = new Program(['run', '-c', await configFile('graceful.yaml', backend)]);
    const answered = fetch(`http://127.0.0.1:${await program.port()}/`).then((response) => response.text());
    const original = answer;
    await eventually(() => answer).not.toBe(original);
    program.signal('SIGTERM');
    await eventually(() => program.out).toContain('stopping');
    answer();
    expect(await answered).toBe('late but whole');
    expect(await program.ended).toBe(0);
    expect(program.err).toBe('');
  });

  test('exits with 1 at once on a second signal', async () => {
    let asked = false;
    const backend = await startBackend(() => {
      asked = true;
    });
    const program = new Program(['run', '-c', await configFile('forced.yaml', backend)]);
    const cut = fetch(`http://127.0.0.1:${await program.port()}/`).catch(() => 'cut');
    await eventually(() => asked).toBe(true);
    program.signal('SIGINT');
    await eventually(() => program.out).toContain('stopping');
    program.signal('SIGINT');
    expect(await program.ended).toBe(1);
    expect(await cut).toBe('cut');
  });

  test('reloads on SIGHUP', async () => {
    const backend = await startBackend((_, response) => response.end('hello'));
    const program = new Program(['run', '-c', await configFile('hangup.yaml', backend)]);
    const port = await program.port();
    program.signal('SIGHUP');
    await eventually(() => program.out).toContain('generation 2');
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello');
  });

  test('keeps serving when nobody reads its log any more', async () => {
    const backend = await startBackend((_, response) => response.end('hello'));
    const program = new Program(['run', '-c', await configFile('unread.yaml', backend)]);
    const port = await program.port();
    program.closeOutput();
    for (let i = 0; i < 50; i++) expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello');
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  test('says in one line that its port is taken, and exits with 1', async () => {
    const taken = createTcpServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      taken.close();
    });
    const bind = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const program = new Program(['run', '-c', await configFile('taken.yaml', 1, bind)]);
    expect(await program.ended).toBe(1);
    expect(program.err).toMatch(/^[^\n]+\n$/);
    expect(program.err).toContain(bind);
  });
});

describe('wrong input exits with 2', () => {
  test('a missing file is one line', async () => {
    const program = new Program(['run']);
    expect(await program.ended).toBe(2);
    expect(program.err).toBe(
      'Cannot read the configuration pulsegate.yaml: there is no such file; name one with -c FILE\n',
    );
  });

  test('an invalid file is one line for each problem', async () => {
    await writeFile(join(folder, 'bad.yaml'), 'listners: 1\nupstreams: {}\n');
    const program = new Program(['check', '-c', 'bad.yaml']);
    expect(await program.ended).toBe(2);
    expect(program.out).toBe('');
    expect(program.err.trimEnd().split('\n')).toHaveLength(3);
  });
});

test('output that nobody reads to the end is no error', async () => {
  const program = new Program(['schema']);
  program.closeOutput();
  expect(await program.ended).toBe(0);
  expect(program.err).toBe('');
});

test('--version is the version of the package', async () => {
  const program = new Program(['--version']);
  expect(await program.ended).toBe(0);
  expect(program.out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
