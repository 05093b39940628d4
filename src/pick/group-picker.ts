/**
 * Chooses among groups of candidates, priority levels and zones, by their shares, and has the group's own picker choose within.
 * Where the drawn group has nobody with room that the request has not tried, the others are asked, the most preferred first (I4).
 *
 * Under policies by hash the draw is made from the key, so that a key stays in its group while shares stay, and few leave it when
 * they change.
 */

import { mix32 } from '../base/hash.ts';
import type { Rng } from '../base/rng.ts';
import type { Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { wasTried } from './scan.ts';

export interface GroupPick {
  /** Of the requests, 0 to 1; all groups' together make 1. */
  readonly share: number;
  readonly picker: Picker;
}

/** Makes the draw of a group independent of the place on the group's circle. */
const SALT = 0x6a09e667;

export class GroupPicker implements Picker {
  private readonly pickers: readonly Picker[];
  /** By group: the sum of the shares up to and including its own. */
  private readonly upTo: Float64Array;
  private readonly rng: Rng | null;

  /**
   * @param groups the most preferred first
   * @param rng null = the draw is made from the request's hash
   */
  constructor(groups: readonly GroupPick[], rng: Rng | null) {
    let sum = 0;
    this.pickers = groups.map(({ picker }) => picker);
    this.upTo = Float64Array.from(groups, ({ share }) => {
      sum += share;
      // What rounding leaves out at the end belongs to whoever is last to have a share.
      return sum > 1 - 1e-9 ? 1 : sum;
    });
    this.rng = rng;
  }

  pick(request: PickRequest): Candidate | null {
    const { pickers } = this;
    const drawn = this.draw(request);
    let second: Candidate | null = null;
    for (let step = -1; step < pickers.length; step++) {
      if (step === drawn) continue;
      const candidate = (pickers[step === -1 ? drawn : step] as Picker).pick(request);
      if (candidate === null) continue;
      const isRisk = candidate.trial && !request.repeatable;
      if (!isRisk && !wasTried(candidate, request)) return candidate;
      // Rather a trial than a backend where the request has failed already.
      if (second === null || (wasTried(second, request) && !wasTried(candidate, request))) second = candidate;
    }
    return second;
  }

  private draw({ hash }: PickRequest): number {
    const { upTo, rng } = this;
    if (upTo[0] === 1) return 0;
    const point = rng === null ? mix32(hash ^ SALT) / 2 ** 32 : rng.next();
    for (let index = 0; index < upTo.length; index++) if (point < (upTo[index] as number)) return index;
    return 0;
  }
}
