/**
 * The files that TLS needs: that certificates come with their keys, and that all of them can be read now. What is in
 * them is judged by whoever serves or connects with them.
 */

import type { Finding, Path } from './problem.ts';
import type { Config } from './schema.ts';

interface CertificatePair {
  readonly cert_file: string | null;
  readonly key_file: string | null;
}

/** A certificate is of no use without its key, nor a key without its certificate. */
export function checkPair({ cert_file, key_file }: CertificatePair, path: Path): Finding[] {
  if ((cert_file === null) === (key_file === null)) return [];
  const [missing, given] = cert_file === null ? ['cert_file', 'key_file'] : ['key_file', 'cert_file'];
  return [{ path: [...path, missing as string], at: 'key', message: `is required with ${given}` }];
}

/**
 * @param readFile throws as node:fs does
 * @param show the value at a path, as people may see it
 */
export function checkFiles(
  config: Config,
  readFile: (path: string) => string,
  show: (path: Path) => string | undefined,
): Finding[] {
  return files(config).flatMap(({ path, file }): Finding[] => {
    try {
      readFile(file);
      return [];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return [{ path, at: 'value', message: `must be a file that can be read, received ${show(path)} (${code})` }];
    }
  });
}

interface NamedFile {
  readonly path: Path;
  readonly file: string;
}

function files({ listeners, upstreams }: Config): NamedFile[] {
  const served = listeners.flatMap(({ tls }, index) => {
    if (tls === null) return [];
    const path = ['listeners', index, 'tls'];
    const others = (tls.certificates ?? []).flatMap((certificate, position) =>
      filesOf(certificate, [...path, 'certificates', position]),
    );
    return [...filesOf(tls, path), ...others];
  });
  const used = Object.entries(upstreams).flatMap(([name, { tls }]) => filesOf(tls, ['upstreams', name, 'tls']));
  return [...served, ...used];
}

function filesOf(mapping: object, path: Path): NamedFile[] {
  return Object.entries(mapping).flatMap(([key, file]) =>
    key.endsWith('_file') && typeof file === 'string' ? [{ path: [...path, key], file }] : [],
  );
}
