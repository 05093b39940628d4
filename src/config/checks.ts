/**
 * Rules that relate several keys. Each names the key to change, and says what to write. Those within one listener or
 * one upstream are in listener-checks.ts and upstream-checks.ts.
 */

import { formatBind } from '../model/bind-address.ts';
import { isLoopback } from './addresses.ts';
import { checkHooks } from './hook-checks.ts';
import { checkListener } from './listener-checks.ts';
import type { Finding, Path } from './problem.ts';
import { type Named, refuseRepeats } from './repeats.ts';
import type { Config } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { checkUpstream } from './upstream-checks.ts';

/** @param show the value at a path, as people may see it */
export function crossCheck(config: Config, show: (path: Path) => string | undefined): Finding[] {
  return [
    ...config.listeners.flatMap((_, index) => checkListener(config, index, show)),
    ...refuseRepeats(listenerNames(config), 'name'),
    ...refuseRepeats(binds(config), 'address'),
    ...Object.keys(config.upstreams).flatMap((name) => checkUpstream(config, name, show)),
    ...checkHeartbeatKeys(config, show),
    ...checkToken(config),
    ...checkHooks(config, show),
  ];
}

function listenerNames(config: Config): Named {
  return config.listeners.flatMap(({ name }, index) =>
    name === null ? [] : [[name, ['listeners', index, 'name']] as const],
  );
}

/** Port 0 is a different port every time. */
function binds(config: Config): Named {
  const listeners = config.listeners.flatMap(({ bind }, index) => {
    const path = ['listeners', index, 'bind'];
    return Array.isArray(bind)
      ? bind.map((address, position) => ({ address, path: [...path, position] }))
      : [{ address: bind, path }];
  });
  const { admin, heartbeats } = config;
  const others = [
    { address: admin.bind, path: ['admin', 'bind'] },
    { address: heartbeats?.bind ?? null, path: ['heartbeats', 'bind'] },
  ];
  return [...listeners, ...others.flatMap(({ address, path }) => (address === null ? [] : [{ address, path }]))]
    .filter(({ address }) => address.kind === 'unix' || address.port !== 0)
    .map(({ address, path }) => [formatBind(address), path]);
}

function checkHeartbeatKeys({ heartbeats, upstreams }: Config, show: (path: Path) => string | undefined): Finding[] {
  const keys = heartbeats?.keys ?? [];
  const ids: Named = keys.map(({ id }, index) => [id, ['heartbeats', 'keys', index, 'id']]);
  const names = Object.keys(upstreams);
  const unknown = keys.flatMap((key, index) =>
    key.upstreams.flatMap((upstream, position): Finding[] => {
      if (Object.hasOwn(upstreams, upstream)) return [];
      const path = ['heartbeats', 'keys', index, 'upstreams', position];
      return [{ path, at: 'value', message: `no upstream is named ${show(path)}${didYouMean(upstream, names)}` }];
    }),
  );
  return [...refuseRepeats(ids, 'id'), ...unknown];
}

/** Whoever reaches the admin API can drain every backend. */
function checkToken({ admin }: Config): Finding[] {
  if (admin.bind === null || admin.token !== null || isLoopback(admin.bind)) return [];
  const message = 'is required when admin.bind is not a loopback address: write token: ${env:PULSEGATE_ADMIN_TOKEN}';
  return [{ path: ['admin', 'token'], at: 'key', message }];
}
