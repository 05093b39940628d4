/** What an HTTP answer must look like for a probe to pass. Pure: an answer in, the first thing it lacks out. */

import { valueAt } from '../base/json-path.ts';
import type { ProbeExpectation } from '../model/probe-settings.ts';
import { describeStatus } from './probe-run.ts';

/** How much of a JSON value a complaint quotes. */
const SHOWN_CHARACTERS = 60;

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Its beginning, as far as probes read. */
  readonly body: string;
}

/** What the answer lacks, for people; null when it is as expected. */
export function complaintAbout({ status, headers, body }: HttpAnswer, expect: ProbeExpectation): string | null {
  if (!expect.status.some(([low, high]) => status >= low && status <= high)) {
    const ranges = expect.status.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(', ');
    return `${describeStatus(status)}, expected ${ranges}`;
  }
  const shown = (text: string) => (expect.isSecret ? 'what is expected' : JSON.stringify(text));
  if (expect.header !== null) {
    const { name, value } = expect.header;
    const found = headers[name.toLowerCase()];
    if (found === undefined) return `header ${name} is missing`;
    if (value !== null && !String(found).includes(value)) return `header ${name} lacks ${shown(value)}`;
  }
  if (expect.body !== null && !body.includes(expect.body)) return `body lacks ${shown(expect.body)}`;
  return expect.json === null ? null : complaintAboutJson(body, expect.json, expect.isSecret ?? false);
}

function complaintAboutJson(
  body: string,
  { path, equals }: NonNullable<ProbeExpectation['json']>,
  isSecret: boolean,
): string | null {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    return 'body is not JSON';
  }
  const found = valueAt(document, path);
  if (found === equals) return null;
  if (found === undefined) return `body has no ${path.text}`;
  return `${path.text} is ${JSON.stringify(found).slice(0, SHOWN_CHARACTERS)}, expected ${isSecret ? 'another value' : JSON.stringify(equals)}`;
}
