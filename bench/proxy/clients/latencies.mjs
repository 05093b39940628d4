/** Latencies of one client: a sample in hundredths of a millisecond, counted, so that millions take no room. */

const STEPS_PER_MS = 100;
const LONGEST_MS = 10_000;

export function createLatencies() {
  const counts = new Uint32Array(LONGEST_MS * STEPS_PER_MS + 1);
  let total = 0;
  return {
    /** @param {number} ms */
    add(ms) {
      const step = Math.min(LONGEST_MS * STEPS_PER_MS, Math.max(0, Math.round(ms * STEPS_PER_MS)));
      counts[step] = (counts[step] ?? 0) + 1;
      total++;
    },
    /** The latency that `share` of the samples did not exceed, in milliseconds; 0 without samples. @param {number} share */
    at(share) {
      const rank = Math.ceil(total * share);
      let seen = 0;
      for (let step = 0; step < counts.length; step++) {
        seen += counts[step] ?? 0;
        if (seen >= rank && seen > 0) return step / STEPS_PER_MS;
      }
      return 0;
    },
    get total() {
      return total;
    },
  };
}

/** A client's last line. @param {Record<string, number>} result */
export function print(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
