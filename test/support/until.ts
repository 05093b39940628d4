/**
 * Waiting for something that other code will bring about: re-checked on every event, never by sleeping.
 * The time limit only turns a hang into a readable failure; no expectation depends on it.
 */

const PATIENCE_MS = 8_000;

export interface Watch {
  /** Something may have changed. */
  notify(): void;
  /** Resolves with the first value of `look` that is not null; rejects with `describe()` when none comes, by default within 8 s. */
  until<T>(look: () => T | null, describe: () => string, patienceMs?: number): Promise<T>;
}

export function createWatch(): Watch {
  const looks = new Set<() => void>();
  return {
    notify: () => {
      for (const look of [...looks]) look();
    },
    until: (look, describe, patienceMs = PATIENCE_MS) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void) => {
          clearTimeout(limit);
          looks.delete(check);
          finish();
        };
        const check = () => {
          try {
            const found = look();
            if (found !== null) settle(() => resolve(found));
          } catch (error) {
            settle(() => reject(error));
          }
        };
        const limit = setTimeout(() => settle(() => reject(new Error(describe()))), patienceMs);
        looks.add(check);
        check();
      }),
  };
}
