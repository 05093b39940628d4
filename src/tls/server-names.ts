/**
 * Which certificate a host name is for: an exact name first, then `*.` in place of exactly one label, as clients compare
 * certificates (RFC 6125 §6.4.3), else the first certificate. Names come from strangers: what is not a plain ASCII host
 * name matches nothing, and no lookup throws.
 */

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$/;

/** The certificate of clients that name no host, or one that no certificate is for. */
export const DEFAULT_CERTIFICATE = 0;

/** The form that names are compared in: lower case. Null for what is no host name. */
export function normaliseName(name: string): string | null {
  // Checked before the change of case, which makes ASCII of some letters that are none (U+212A).
  return HOST_NAME.test(name) ? name.toLowerCase() : null;
}

export class ServerNames {
  private readonly indexes = new Map<string, number>();

  /** @param certificates the names of each, in order of preference: the first that has a name gets it */
  constructor(certificates: readonly (readonly string[])[]) {
    for (const [index, names] of certificates.entries()) {
      for (const name of names) {
        const key = keyOf(name);
        if (key !== null && !this.indexes.has(key)) this.indexes.set(key, index);
      }
    }
  }

  /** @param name of a host, in any case and possibly nonsense; without a port */
  select(name: string): number {
    const host = normaliseName(name);
    if (host === null) return DEFAULT_CERTIFICATE;
    const dot = host.indexOf('.');
    const wildcard = dot < 0 ? undefined : this.indexes.get(`*${host.slice(dot)}`);
    return this.indexes.get(host) ?? wildcard ?? DEFAULT_CERTIFICATE;
  }
}

/** A name as it is looked up: an exact one, or `*.` and a suffix. */
function keyOf(name: string): string | null {
  const suffix = name.startsWith('*.') ? normaliseName(name.slice(2)) : null;
  return suffix === null ? normaliseName(name) : `*.${suffix}`;
}
