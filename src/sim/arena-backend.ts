/**
 * A backend that shares its cores among the requests it has: with n of them on k cores each runs at speed * min(1, k / n).
 * Work is kept in virtual time, which passes at that rate, so an arrival or a departure costs one heap operation however
 * many requests there are. Measures its own utilization and rate the way servers do, over the last second or so.
 */

/** What is being worked on; the arena hangs on it what it needs to know at the end. */
export interface Job {
  readonly workMs: number;
}

/** Time constant of what it says about itself. */
const WINDOW_MS = 1_000;

export class ArenaBackend<T extends Job> {
  readonly cores: number;
  /** Share of the requests that it answers at once with an error; 1 = a black hole. */
  failureShare = 0;
  speed: number;
  /** Share of its cores that somebody else uses: shows in the utilization it reports. */
  stolen = 0;
  utilization = 0;
  requestsPerSecond = 0;
  /** Integral over time of the requests in flight per core's worth of speed: for the balance. */
  crowding = 0;
  private readonly ends: number[] = [];
  private readonly jobs: T[] = [];
  private virtualMs = 0;
  private updatedMs = 0;

  /** @param speed in units of a core that needs one millisecond for a millisecond of work; > 0 */
  constructor(cores: number, speed: number) {
    this.cores = cores;
    this.speed = speed;
  }

  get inFlight(): number {
    return this.jobs.length;
  }

  /** What one more request would take, as a multiple of its work. */
  get stretch(): number {
    return Math.max(1, (this.jobs.length + 1) / this.cores) / this.speed;
  }

  /** Brings virtual time up to `at`. */
  advance(at: number): void {
    const elapsedMs = at - this.updatedMs;
    if (elapsedMs <= 0) return;
    const count = this.jobs.length;
    this.updatedMs = at;
    this.crowding += (elapsedMs * count) / (this.cores * this.speed);
    this.virtualMs += elapsedMs * this.rate(count);
    const weight = Math.exp(-elapsedMs / WINDOW_MS);
    const busy = this.stolen + (1 - this.stolen) * Math.min(1, count / this.cores);
    this.utilization = busy + (this.utilization - busy) * weight;
    this.requestsPerSecond *= weight;
  }

  add(job: T, at: number): void {
    this.advance(at);
    this.requestsPerSecond += 1_000 / WINDOW_MS;
    const { ends, jobs } = this;
    const end = this.virtualMs + job.workMs;
    let place = jobs.length;
    jobs.push(job);
    ends.push(end);
    while (place > 0) {
      const above = (place - 1) >> 1;
      if ((ends[above] as number) <= end) break;
      ends[place] = ends[above] as number;
      jobs[place] = jobs[above] as T;
      place = above;
    }
    ends[place] = end;
    jobs[place] = job;
  }

  /** When the next request is done, if nothing changes; infinite = nothing to do. */
  nextEndMs(): number {
    const count = this.jobs.length;
    if (count === 0) return Number.POSITIVE_INFINITY;
    return this.updatedMs + Math.max(0, (this.ends[0] as number) - this.virtualMs) / this.rate(count);
  }

  /** Takes out the request that is done first. */
  finish(at: number): T {
    this.advance(at);
    const { ends, jobs } = this;
    const done = jobs[0] as T;
    const end = ends.pop() as number;
    const job = jobs.pop() as T;
    const count = jobs.length;
    if (count === 0) return done;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= count) break;
      if (below + 1 < count && (ends[below + 1] as number) < (ends[below] as number)) below += 1;
      if ((ends[below] as number) >= end) break;
      ends[place] = ends[below] as number;
      jobs[place] = jobs[below] as T;
      place = below;
    }
    ends[place] = end;
    jobs[place] = job;
    return done;
  }

  private rate(count: number): number {
    return count === 0 ? 0 : this.speed * Math.min(1, this.cores / count);
  }
}
