/** The terminal that a person sits at, as commands use it: main.ts hands in the real one, tests hand in their own. */

export interface TerminalSize {
  /** Characters in a line. */
  readonly columns: number;
  /** Lines. */
  readonly rows: number;
}

export interface Terminal {
  /** As of now. */
  size(): TerminalSize;
  /** Calls `listener` after every change of the size. Returns what ends that. */
  onResize(listener: () => void): () => void;
  /**
   * Calls `listener` with what is typed, as it is typed: unechoed, Ctrl-C and Ctrl-Z included. Returns what ends that, and gives
   * the keyboard back as it was. Nothing is heard where stdin is no terminal.
   */
  onKey(listener: (typed: string) => void): () => void;
}
