/**
 * How much of a level's requests stay in our own zone. The rule assumes that proxies, and so requests, are spread over the zones
 * as the configured weights are: each zone can then serve its own, and whoever lost capacity sends on just as much as makes all
 * backends of all zones equally busy.
 * Source: Envoy, "Zone aware routing", for one known zone: share = available share of the zone / configured share of the zone.
 *
 * Weights are the configured ones: slow start and load reports move requests within a zone, never across.
 */

import type { ZoneSettings } from '../model/settings.ts';
import type { Member } from './member.ts';

export function isLocal({ backend }: Member, { label, local }: ZoneSettings): boolean {
  return backend.labels[label] === local;
}

/**
 * 0 to 1; 0 when nothing of ours serves.
 * @param configured all of the level that may be used at all
 * @param serving those of them that take requests
 */
export function localShare(configured: readonly Member[], serving: readonly Member[], zone: ZoneSettings): number {
  const usual = shareOfWeight(configured, zone);
  return usual === 0 ? 0 : Math.min(1, shareOfWeight(serving, zone) / usual);
}

function shareOfWeight(members: readonly Member[], zone: ZoneSettings): number {
  let local = 0;
  let all = 0;
  for (const member of members) {
    all += member.view.baseWeight;
    if (isLocal(member, zone)) local += member.view.baseWeight;
  }
  return all === 0 ? 0 : local / all;
}
