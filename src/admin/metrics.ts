/**
 * `GET /metrics`: a page for Prometheus, written a piece at a time, with a turn of the event loop for everybody else between two
 * pieces; no faster than it is read, and given up when the reader leaves. Owns the number of pages under way, and bounds it.
 */

import type { ServerResponse } from 'node:http';
import { EXPOSITION_TYPE } from '../metrics/exposition.ts';
import { type Answer, failure, type Streamed } from './answer.ts';

/** Each holds the figures of a page. More than a few scrapers at once are a mistake. */
const MAX_PAGES = 8;

export class MetricsPages {
  private readonly gather: () => Promise<Iterable<string>>;
  private underWay = 0;

  /** @param gather the pieces of a page of now, to be rendered one by one; an empty one is work that goes on */
  constructor(gather: () => Promise<Iterable<string>>) {
    this.gather = gather;
  }

  answer(): Answer | Streamed {
    if (this.underWay >= MAX_PAGES) {
      return failure(503, 'too_many_scrapes', `at most ${MAX_PAGES} pages are written at once`, { 'retry-after': '1' });
    }
    return { status: 200, type: EXPOSITION_TYPE, stream: (response) => void this.write(response) };
  }

  private async write(response: ServerResponse): Promise<void> {
    this.underWay++;
    response.once('close', () => {
      this.underWay--;
    });
    try {
      writePieces(response, await this.gather());
    } catch (error) {
      // The head has gone out: only a broken connection says that the page is not whole.
      response.destroy(error as Error);
    }
  }
}

function writePieces(response: ServerResponse, page: Iterable<string>): void {
  const pieces = page[Symbol.iterator]();
  const writeNext = () => {
    if (response.destroyed) return;
    const { done, value } = pieces.next();
    if (done === true) response.end();
    else if (value === '' || response.write(value)) setImmediate(writeNext);
    else response.once('drain', writeNext);
  };
  writeNext();
}
