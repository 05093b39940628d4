/** What comes of reading the configuration again, and of putting it in place. */

import type { Settings } from './settings.ts';

/** Something wrong with a configuration file, and where. No secret stands in it. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** `upstreams.app.balance` */
  readonly path: string;
  readonly message: string;
}

export type ReadSettings =
  | {
      readonly ok: true;
      readonly settings: Settings;
      /** The configuration in the file's own words, with every default and without any secret. */
      effective(): unknown;
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export type ReloadOutcome =
  | { readonly ok: true; readonly generation: number }
  | {
      readonly ok: false;
      /** One line. */
      readonly message: string;
      /** Empty when the configuration is valid, but could not be put in place. */
      readonly problems: readonly ConfigProblem[];
    };
