/** Certificates for tests, made by the `openssl` program. Tests that need them are skipped, with the reason, without it. */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './processes.ts';

export const OPENSSL = '/usr/bin/openssl';
export const hasOpenssl = existsSync(OPENSSL);
if (!hasOpenssl) console.log(`skipping tests of TLS: ${OPENSSL} is missing`);

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export interface IssuedCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface IssueOptions {
  /** In the form of openssl: `DNS:a.example`, `IP:127.0.0.1`. */
  readonly names?: readonly string[];
  /** From now on; negative: it has expired. */
  readonly days?: number;
}

export interface Authority extends IssuedCertificate {
  /** Writes `NAME.pem` and `NAME.key`, over what was there. */
  issue(name: string, options?: IssueOptions): IssuedCertificate;
}

let serial = 0;

/** An authority in a folder of its own, gone with the test. */
export function createAuthority(name = 'authority', folder = temporaryFolder()): Authority {
  const certFile = join(folder, `${name}.pem`);
  const keyFile = join(folder, `${name}.key`);
  const output = ['-keyout', keyFile, '-out', certFile];
  const basics = ['-addext', 'basicConstraints=critical,CA:TRUE'];
  openssl('req', '-x509', ...NEW_KEY, ...output, '-days', '30', '-subj', `/CN=${name}`, ...basics);
  const issue = (leaf: string, { names = [`DNS:${leaf}`], days = 30 }: IssueOptions = {}): IssuedCertificate => {
    const issued = { certFile: join(folder, `${leaf}.pem`), keyFile: join(folder, `${leaf}.key`) };
    const request = join(folder, `${leaf}.csr`);
    const extensions = join(folder, `${leaf}.ext`);
    writeFileSync(extensions, names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`);
    openssl('req', '-new', ...NEW_KEY, '-keyout', issued.keyFile, '-out', request, '-subj', `/CN=${leaf}`);
    const signing = ['-CA', certFile, '-CAkey', keyFile, '-set_serial', String(++serial)];
    openssl(
      'x509',
      '-req',
      '-in',
      request,
      ...signing,
      '-days',
      `${days}`,
      '-extfile',
      extensions,
      '-out',
      issued.certFile,
    );
    return issued;
  };
  return { certFile, keyFile, issue };
}

/** A certificate that vouches for itself. */
export function createSelfSigned(name: string, folder = temporaryFolder()): IssuedCertificate {
  const issued = { certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) };
  const output = ['-keyout', issued.keyFile, '-out', issued.certFile];
  openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    ...output,
    '-days',
    '30',
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=DNS:${name}`,
  );
  return issued;
}

/** As node:tls takes them. */
export function contentOf({ certFile, keyFile }: IssuedCertificate): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

function openssl(...args: string[]): void {
  execFileSync(OPENSSL, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
