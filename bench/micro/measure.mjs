/** Times a small function: the best of several rounds, since everything else on the machine only ever adds. */

const CALLS = 200_000;
const ROUNDS = 12;

/** Returns the name with nanoseconds per call. */
export function measure(name, call) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = process.hrtime.bigint();
    for (let n = 0; n < CALLS; n++) call();
    best = Math.min(best, Number(process.hrtime.bigint() - begin) / CALLS);
  }
  return { name, ns: Math.round(best * 10) / 10 };
}
