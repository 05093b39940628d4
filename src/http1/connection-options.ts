/**
 * The Connection field (RFC 9110 §7.6.1): its options, and the removal of the fields that they name.
 */

import { splitList } from './field-line.ts';

const NONE: readonly string[] = [];
const CLOSE: readonly string[] = ['close'];
const KEEP_ALIVE: readonly string[] = ['keep-alive'];

/**
 * Fields that no peer may have removed by naming them. Host, framing, via, x-request-id and the forwarded family need
 * no mention: they are taken out of the head before, and so are out of reach.
 */
const PROTECTED = new Set(['authorization', 'cookie']);

/** The options in lower case, from the joined value of all Connection lines. */
export function parseConnectionOptions(value: string): readonly string[] {
  if (value === '') return NONE;
  if (value === 'keep-alive' || value === 'Keep-Alive') return KEEP_ALIVE;
  if (value === 'close') return CLOSE;
  return splitList(value);
}

/** `fields` (complete lines) without those that a Connection option names. */
export function withoutNominated(fields: string, options: readonly string[]): string {
  if (options.length === 0 || options === KEEP_ALIVE || options === CLOSE) return fields;
  let kept = '';
  for (let start = 0; start < fields.length; ) {
    const next = fields.indexOf('\r\n', start) + 2;
    const name = fields.slice(start, fields.indexOf(':', start)).toLowerCase();
    if (PROTECTED.has(name) || !options.includes(name)) kept += fields.slice(start, next);
    start = next;
  }
  return kept;
}
