/**
 * The authorities that this machine trusts: the bundle that its distribution keeps, so that what an administrator has added
 * there counts here too. Node's own list, made when node was released, serves where there is none.
 */

import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Arch, Alpine
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/ssl/cert.pem', // Alpine, BSD, macOS
];

/** PEM. Read once, when the first upstream needs it; a bundle that changes counts after a restart. */
export function systemAuthorities(): string | string[] {
  for (const path of BUNDLES) {
    try {
      const bundle = readFileSync(path, 'latin1');
      if (bundle.includes('-----BEGIN CERTIFICATE-----')) return bundle;
    } catch {
      // Not on this system.
    }
  }
  return [...rootCertificates];
}
