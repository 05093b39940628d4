/**
 * The secrets that heartbeats are signed with. A message is believed only when its HMAC-SHA-256 over the raw bytes
 * matches, compared in constant time. Several keys may be valid for an upstream at once: that is how they are rotated.
 */

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { HeartbeatKey } from '../model/settings.ts';

export interface Signer {
  /** Upstreams it may speak for. */
  readonly upstreams: ReadonlySet<string>;
}

type Keys = ReadonlyMap<string, Signer & { readonly secret: KeyObject }>;

export class HeartbeatKeyRing {
  private keys: Keys;

  constructor(keys: readonly HeartbeatKey[]) {
    this.keys = mapOf(keys);
  }

  /** From now on these keys hold, and no others. */
  replace(keys: readonly HeartbeatKey[]): void {
    this.keys = mapOf(keys);
  }

  get isEmpty(): boolean {
    return this.keys.size === 0;
  }

  /**
   * Who signed `body`; null when the key is unknown or the signature is not its own.
   * @param hmac 64 hexadecimal digits
   */
  verify(keyId: string, hmac: string, body: Uint8Array): Signer | null {
    const key = this.keys.get(keyId);
    if (key === undefined || !/^[0-9a-f]{64}$/i.test(hmac)) return null;
    const expected = createHmac('sha256', key.secret).update(body).digest();
    return timingSafeEqual(expected, Buffer.from(hmac, 'hex')) ? key : null;
  }
}

function mapOf(keys: readonly HeartbeatKey[]): Keys {
  return new Map(
    keys.map(({ id, secret, upstreams }) => [
      id,
      { secret: createSecretKey(secret, 'utf8'), upstreams: new Set(upstreams) },
    ]),
  );
}
