/**
 * What certificate and key files must hold to be served: PEM, whole, belonging together, valid now. Judges bytes; reads no
 * file. A sentence about a problem names the file, because that is what an operator has to look at.
 */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { normaliseName } from './server-names.ts';

/** What was found in files: of use, or a sentence that says why not. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T /** What it is, for the log. */; readonly summary: string }
  | { readonly ok: false; readonly problem: string };

export interface Certificate {
  /** PEM: the certificate, and the intermediate ones after it. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Host names that it carries, exact or `*.suffix`. */
  readonly names: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
}

export interface PemFile {
  readonly path: string;
  readonly content: Buffer;
}

/** Names shown in the log. */
const SHOWN_NAMES = 4;

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @param wallMs the present, in milliseconds since the Unix epoch */
export function readCertificate(certFile: PemFile, keyFile: PemFile, wallMs: number): Reading<Certificate> {
  const parsed = parseCertificate(certFile);
  if (!parsed.ok) return parsed;
  const { value: x509 } = parsed;
  const keyProblem = checkKey(x509, certFile, keyFile);
  if (keyProblem !== null) return { ok: false, problem: keyProblem };
  const validity = checkValidity(x509, certFile, wallMs);
  if (validity !== null) return { ok: false, problem: validity };
  const names = namesOf(x509.subjectAltName ?? '');
  const value = {
    cert: certFile.content,
    key: keyFile.content,
    names,
    expiresAtMs: Date.parse(x509.validTo),
  };
  return { ok: true, value, summary: summarise(value) };
}

/** Certificates of authorities to trust. One that has expired is of no use, but harms nobody beside others. */
export function readAuthorities({ path, content }: PemFile): Reading<readonly string[]> {
  const blocks = content.toString('latin1').match(PEM_CERTIFICATE) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch {
    return { ok: false, problem: `${path} holds a certificate that cannot be read` };
  }
  if (blocks.length === 0) return { ok: false, problem: `${path} holds no PEM certificate` };
  return { ok: true, value: blocks, summary: blocks.length === 1 ? '1 authority' : `${blocks.length} authorities` };
}

function parseCertificate({ path, content }: PemFile): Reading<X509Certificate> {
  try {
    return { ok: true, value: new X509Certificate(content), summary: '' };
  } catch {
    return { ok: false, problem: `${path} holds no PEM certificate` };
  }
}

function checkKey(x509: X509Certificate, certFile: PemFile, keyFile: PemFile): string | null {
  try {
    const key = createPrivateKey(keyFile.content);
    if (!x509.checkPrivateKey(key))
      return `the key in ${keyFile.path} does not belong to the certificate in ${certFile.path}`;
  } catch {
    return keyFile.content.includes('ENCRYPTED')
      ? `the key in ${keyFile.path} is encrypted; remove its passphrase`
      : `${keyFile.path} holds no PEM private key`;
  }
  try {
    // The whole chain, as a server will take it.
    createSecureContext({ cert: certFile.content, key: keyFile.content });
    return null;
  } catch (error) {
    return `the certificates in ${certFile.path} cannot be served: ${error instanceof Error ? error.message : error}`;
  }
}

function checkValidity(x509: X509Certificate, { path }: PemFile, wallMs: number): string | null {
  if (Date.parse(x509.validTo) <= wallMs) return `the certificate in ${path} expired on ${dayOf(x509.validTo)}`;
  if (Date.parse(x509.validFrom) > wallMs)
    return `the certificate in ${path} is not valid before ${dayOf(x509.validFrom)}`;
  return null;
}

/** `DNS:a.example, IP Address:127.0.0.1`; node quotes what could be misread, and such a name is none of ours. */
function namesOf(subjectAltName: string): string[] {
  return subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length).toLowerCase())
    .filter((name) => normaliseName(name.replace(/^\*\./, '')) !== null);
}

function summarise({ names, expiresAtMs }: Certificate): string {
  const shown = names.slice(0, SHOWN_NAMES).join(', ');
  const more = names.length > SHOWN_NAMES ? `, and ${names.length - SHOWN_NAMES} more` : '';
  return `valid until ${new Date(expiresAtMs).toISOString()}, for ${shown === '' ? 'no host name' : shown}${more}`;
}

function dayOf(date: string): string {
  return new Date(date).toISOString();
}
