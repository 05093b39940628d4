/**
 * Every metric there is. Labels take their values from the configuration, from discovery, and from lists in the code; nothing
 * that a client sends becomes one.
 */

import { BACKEND_FAMILIES } from './backend-families.ts';
import { PROCESS_FAMILIES } from './process-families.ts';
import { REQUEST_FAMILIES } from './request-families.ts';
import type { Family } from './samples.ts';

export const FAMILIES: readonly Family[] = [...REQUEST_FAMILIES, ...BACKEND_FAMILIES, ...PROCESS_FAMILIES];

/** Written last, by whoever keeps the sum over all pages. */
export const SERIES_DROPPED = {
  name: 'pulsegate_series_dropped_total',
  type: 'counter',
  labels: [],
  help: 'Series left out of scrapes, all scrapes together: backends beyond the first 2,000 have none of their own.',
} as const;
