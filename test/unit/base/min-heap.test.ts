import { describe, expect, it } from 'vitest';
import { MinHeap } from '../../../src/base/min-heap.ts';
import { createRng } from '../../../src/base/rng.ts';

describe('MinHeap', () => {
  it('gives entries back in order, whatever order they came in', () => {
    const rng = createRng('heap');
    for (let size = 0; size < 40; size++) {
      const heap = new MinHeap<number>((a, b) => a < b);
      const values = Array.from({ length: size }, () => rng.below(20));
      for (const value of values) heap.push(value);
      const popped = values.map(() => heap.pop());
      expect(popped).toEqual([...values].sort((a, b) => a - b));
      expect(heap.peek()).toBeUndefined();
      expect(heap.pop()).toBeUndefined();
    }
  });
});
