/**
 * When each of a fixed number of sources acts next: one instant per source, the earliest found at once. A binary heap that
 * knows where each source stands in it, so that moving an instant costs a few swaps and allocates nothing.
 */

export class Timeline {
  private readonly instants: Float64Array;
  /** Sources, in heap order. */
  private readonly heap: Int32Array;
  /** Where each source stands in the heap. */
  private readonly places: Int32Array;

  /** @param sources at least one; none has an instant yet */
  constructor(sources: number) {
    this.instants = new Float64Array(sources).fill(Number.POSITIVE_INFINITY);
    this.heap = Int32Array.from({ length: sources }, (_, source) => source);
    this.places = Int32Array.from({ length: sources }, (_, source) => source);
  }

  /** The source that acts first. */
  get first(): number {
    return this.heap[0] as number;
  }

  /** When it does; infinite = never. */
  get firstAtMs(): number {
    return this.instants[this.first] as number;
  }

  set(source: number, atMs: number): void {
    this.instants[source] = atMs;
    this.rise(source);
    this.sink(source);
  }

  private rise(source: number): void {
    const atMs = this.instants[source] as number;
    let place = this.places[source] as number;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.heap[above] as number;
      if ((this.instants[other] as number) <= atMs) break;
      this.put(other, place);
      place = above;
    }
    this.put(source, place);
  }

  private sink(source: number): void {
    const { heap, instants } = this;
    const atMs = instants[source] as number;
    let place = this.places[source] as number;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && instantOf(instants, heap, below + 1) < instantOf(instants, heap, below))
        below += 1;
      if (instantOf(instants, heap, below) >= atMs) break;
      this.put(heap[below] as number, place);
      place = below;
    }
    this.put(source, place);
  }

  private put(source: number, place: number): void {
    this.heap[place] = source;
    this.places[source] = place;
  }
}

function instantOf(instants: Float64Array, heap: Int32Array, place: number): number {
  return instants[heap[place] as number] as number;
}
