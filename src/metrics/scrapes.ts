/** What all scrapes have in common: how many series were left out so far. */

import { exposition } from './exposition.ts';
import { gatherPage, type MetricsInput } from './page.ts';

export class Scrapes {
  private dropped = 0;

  /** One page, in pieces, of the figures as they are when each is asked for; while they are gathered, pieces are empty. */
  *page(input: MetricsInput): Generator<string> {
    const gathering = gatherPage(input);
    let step = gathering.next();
    for (; step.done !== true; step = gathering.next()) yield '';
    this.dropped += step.value.dropped;
    yield* exposition(step.value, this.dropped);
  }
}
