/** What a reload would change in one part of the program: either put in place or thrown away, once. */
export interface Change {
  /** Puts it in place, within this turn of the event loop. Never fails. */
  commit(): void;
  /** Lets go of what was made ready for it; everything is as it was. */
  abort(): void;
}
