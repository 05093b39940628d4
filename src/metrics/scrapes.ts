/** What all scrapes have in common: how many series were left out so far. */

import { exposition } from './exposition.ts';
import { gatherPage, type MetricsInput } from './page.ts';

export class Scrapes {
  private dropped = 0;

  /** One page, in pieces, of the figures as they are now. */
  page(input: MetricsInput): Iterable<string> {
    const page = gatherPage(input);
    this.dropped += page.dropped;
    return exposition(page, this.dropped);
  }
}
