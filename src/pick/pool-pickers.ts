/**
 * From a snapshot to the picker of the whole pool: one picker per group of candidates, shares among them, sessions on top. Owns
 * what groups remember over rebuilds: where their turns stand, and the circles of hash policies. A pool that is one group, as most
 * are, has that group's picker and nothing around it.
 */

import type { Rng } from '../base/rng.ts';
import type { LoadReader, Picker } from '../model/picker.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { buildPicker, type PickerTools } from './build.ts';
import { GroupPicker } from './group-picker.ts';
import { CircleCache, type PoolScale } from './hash-circle.ts';
import { Sequence } from './sequence.ts';
import { StickyPicker } from './sticky.ts';

export class PoolPickers {
  private readonly settings: Pick<UpstreamSettings, 'balance' | 'sticky'>;
  private readonly loads: LoadReader;
  private readonly rng: Rng;
  private readonly toolsByGroup = new Map<string, PickerTools>();

  constructor(settings: Pick<UpstreamSettings, 'balance' | 'sticky'>, loads: LoadReader, rng: Rng) {
    this.settings = settings;
    this.loads = loads;
    this.rng = rng;
  }

  build(snapshot: Snapshot): Picker {
    const free = this.buildFree(snapshot);
    if (this.settings.sticky === null) return free;
    return new StickyPicker(free, [...snapshot.candidates, ...snapshot.pinnedOnly], this.loads);
  }

  private buildFree(snapshot: Snapshot): Picker {
    const { groups, candidates } = snapshot;
    const { balance } = this.settings;
    // Candidates come in the order of preference, so that for `first` the next level is simply what comes next.
    if (groups.length === 0 || balance === 'first') return buildPicker(balance, candidates, this.toolsOf('all'));
    const scale = isByHash(balance) ? scaleOf(snapshot) : undefined;
    const picks = groups.map((group) => ({
      share: group.share,
      picker: buildPicker(balance, group.candidates, this.toolsOf(`${group.priority}/${group.zone}`), scale),
    }));
    if (picks.length === 1) return (picks[0] as (typeof picks)[number]).picker;
    return new GroupPicker(picks, isByHash(balance) ? null : this.rng);
  }

  private toolsOf(group: string): PickerTools {
    const known = this.toolsByGroup.get(group);
    if (known !== undefined) return known;
    // Turns that two groups shared would be uneven in both.
    const tools = {
      loads: this.loads,
      rng: this.rng,
      // Seeded, so that a fleet of proxies does not start with the same backend.
      sequence: new Sequence(this.rng.fork(group).below(2 ** 32)),
      trialSequence: new Sequence(0),
      circles: new CircleCache(),
    };
    this.toolsByGroup.set(group, tools);
    return tools;
  }
}

function isByHash(balance: UpstreamSettings['balance']): boolean {
  return balance === 'ring_hash' || balance === 'maglev';
}

function scaleOf({ entries, candidates }: Snapshot): PoolScale {
  let heaviest = 0;
  for (const { backend } of entries) heaviest = Math.max(heaviest, backend.weight);
  for (const { baseWeight } of candidates) heaviest = Math.max(heaviest, baseWeight);
  return { size: entries.length, heaviest };
}
