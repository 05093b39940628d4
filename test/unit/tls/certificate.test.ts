import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type PemFile, readAuthorities, readCertificate } from '../../../src/tls/certificate.ts';
import { createAuthority, hasOpenssl, type IssuedCertificate, OPENSSL } from '../../support/certificates.ts';

const DAY_MS = 86_400_000;

function filesOf({ certFile, keyFile }: IssuedCertificate): [cert: PemFile, key: PemFile] {
  return [
    { path: 'cert.pem', content: readFileSync(certFile) },
    { path: 'key.pem', content: readFileSync(keyFile) },
  ];
}

function problemOf(cert: PemFile, key: PemFile, wallMs = Date.now()): string {
  const reading = readCertificate(cert, key, wallMs);
  return reading.ok ? '' : reading.problem;
}

describe.skipIf(!hasOpenssl)('certificate files', () => {
  it('give the names that the certificate carries, in lower case, and when it ends', () => {
    const names = ['DNS:A.example', 'DNS:*.b.example', 'IP:127.0.0.1', 'email:x@y.example', 'DNS:c d'];
    const files = filesOf(createAuthority().issue('leaf', { names }));
    const reading = readCertificate(...files, Date.now());
    expect(reading).toMatchObject({ ok: true, value: { names: ['a.example', '*.b.example'] } });
    expect(reading.ok && Math.round((reading.value.expiresAtMs - Date.now()) / DAY_MS)).toBe(30);
    expect(reading.ok && reading.summary).toMatch(/^valid until 20.*Z, for a\.example, \*\.b\.example$/);
  });

  it('are refused, with the file and the reason, when they are of no use', () => {
    const authority = createAuthority();
    const [cert, key] = filesOf(authority.issue('a'));
    const [, otherKey] = filesOf(authority.issue('b'));
    const [expired, expiredKey] = filesOf(authority.issue('c', { days: -1 }));
    const half = (file: PemFile) => ({ ...file, content: file.content.subarray(0, file.content.length / 2) });
    const chain = { ...cert, content: Buffer.concat([cert.content, half(cert).content]) };
    const none = { path: 'cert.pem', content: Buffer.alloc(0) };

    expect(problemOf(cert, key)).toBe('');
    expect(problemOf(cert, otherKey)).toBe('the key in key.pem does not belong to the certificate in cert.pem');
    expect(problemOf(half(cert), key)).toBe('cert.pem holds no PEM certificate');
    expect(problemOf(none, key)).toBe('cert.pem holds no PEM certificate');
    expect(problemOf(cert, half(key))).toBe('key.pem holds no PEM private key');
    expect(problemOf(cert, cert)).toBe('cert.pem holds no PEM private key');
    expect(problemOf(chain, key)).toMatch(/^the certificates in cert\.pem cannot be served: /);
    expect(problemOf(expired, expiredKey)).toMatch(/^the certificate in cert\.pem expired on 20/);
    expect(problemOf(cert, key, Date.now() - DAY_MS)).toMatch(/^the certificate in cert\.pem is not valid before 20/);
    expect(problemOf(cert, key, Date.now() + 31 * DAY_MS)).toMatch(/^the certificate in cert\.pem expired on 20/);
  });

  it('with an encrypted key are refused for that', () => {
    const issued = createAuthority().issue('a');
    const [cert] = filesOf(issued);
    const content = execFileSync(OPENSSL, ['pkey', '-in', issued.keyFile, '-aes256', '-passout', 'pass:secret']);
    expect(problemOf(cert, { path: 'key.pem', content })).toBe(
      'the key in key.pem is encrypted; remove its passphrase',
    );
  });

  it('of authorities may hold several, but none that cannot be read', () => {
    const content = Buffer.concat([createAuthority('a'), createAuthority('b')].map((a) => readFileSync(a.certFile)));
    expect(readAuthorities({ path: 'ca.pem', content })).toMatchObject({ ok: true, summary: '2 authorities' });
    const broken = Buffer.from(content.toString().replace(/MII/, '???'));
    expect(readAuthorities({ path: 'ca.pem', content: broken })).toEqual({
      ok: false,
      problem: 'ca.pem holds a certificate that cannot be read',
    });
    expect(readAuthorities({ path: 'ca.pem', content: Buffer.from('x') })).toEqual({
      ok: false,
      problem: 'ca.pem holds no PEM certificate',
    });
  });
});
