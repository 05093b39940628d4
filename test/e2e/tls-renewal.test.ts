/** Certificates that change while requests are served, and those of no use at the start. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createAuthority, hasOpenssl } from '../support/certificates.ts';
import { temporaryFolder } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';
import { connectTls } from '../support/tls-client.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

/** Requests one after another until told to stop, each on a connection of its own or all on one. */
function load(port: number, ca: Buffer, isKept: boolean) {
  const tally = { answered: 0, failed: [] as string[], stopped: false };
  const once = () => {
    if (tally.stopped) return;
    const socket = connect({ port, host: '127.0.0.1', ca, servername: 'a.example' });
    let answered = 0;
    let received = '';
    let isOver = false;
    const finish = (failure: string) => {
      if (isOver) return;
      isOver = true;
      socket.destroy();
      if (failure === '') once();
      else tally.failed.push(failure);
    };
    socket.once('secureConnect', () => socket.write(REQUEST));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const count = received.split('HTTP/1.1 200 OK\r\n').length - 1;
      if (count === answered) return;
      answered = count;
      tally.answered++;
      if (isKept && !tally.stopped) socket.write(REQUEST);
      else finish('');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? 'error'));
    socket.on('close', () => finish('closed'));
  };
  once();
  return tally;
}

describe.skipIf(!hasOpenssl)('the certificate of a listener', () => {
  it('is renewed without a restart and without a failed request', async () => {
    const authority = createAuthority();
    const { certFile, keyFile } = authority.issue('a.example');
    const backend = await startRecordingBackend();
    const { port } = await startProxy({
      backends: [backend.url],
      listener: { tls: { cert_file: certFile, key_file: keyFile } },
    });
    const ca = readFileSync(authority.certFile);
    const serial = async () => {
      const client = await connectTls(port, authority, { servername: 'a.example' });
      const { serialNumber } = client.socket.getPeerCertificate();
      client.socket.destroy();
      return serialNumber;
    };
    const tallies = [load(port, ca, false), load(port, ca, true)];
    const kept = await connectTls(port, authority, { servername: 'a.example' });
    const first = await serial();

    authority.issue('a.example');
    await expect.poll(serial, { timeout: 15_000, interval: 100 }).not.toBe(first);
    kept.send(REQUEST);
    await kept.until((received) => received.startsWith('HTTP/1.1 200 OK\r\n'));
    for (const tally of tallies) tally.stopped = true;
    expect(tallies.map(({ failed }) => failed)).toEqual([[], []]);
    for (const { answered } of tallies) expect(answered).toBeGreaterThan(10);
  }, 30_000);

  it.each([
    ['that is missing', (files: { keyFile: string }) => rmSync(files.keyFile), /cannot be read|can be read/],
    [
      'cut in half',
      (files: { certFile: string }) => writeFileSync(files.certFile, readFileSync(files.certFile).subarray(0, 200)),
      /a\.example\.pem holds no PEM certificate/,
    ],
  ])('%s is said in one line at the start, which fails [F61]', async (_, spoil, sentence) => {
    const files = createAuthority('authority', temporaryFolder()).issue('a.example');
    spoil(files);
    const listener = { tls: { cert_file: files.certFile, key_file: files.keyFile } };
    await expect(startProxy({ backends: ['http://127.0.0.1:1'], listener })).rejects.toThrow(sentence);
  });
});
