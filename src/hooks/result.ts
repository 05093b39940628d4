/** How a call of a hook went. Never an exception: a hook that fails is news, and nothing else. */
export interface CallResult {
  readonly ok: boolean;
  /** For people, without any secret: `204`, `exit code 1`, `no answer within 10 s`. */
  readonly detail: string;
  /** At least 1; commands are never tried again. */
  readonly tries: number;
  /** What a command wrote, as far as it is kept; empty = nothing. */
  readonly output: string;
}
