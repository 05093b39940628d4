/** A binary min-heap: the entry with the smallest key first. Equal keys come out in no particular order. */

export interface Keyed {
  readonly key: number;
}

export class MinHeap<T extends Keyed> {
  private readonly items: T[] = [];

  peek(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    const { items } = this;
    let index = items.length;
    items.push(item);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex] as T;
      if (parent.key <= item.key) break;
      items[index] = parent;
      index = parentIndex;
    }
    items[index] = item;
  }

  pop(): T | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (last !== undefined && items.length > 0) this.sink(last);
    return first;
  }

  /** Puts `item` into the hole at the root and moves it down to its place. */
  private sink(item: T): void {
    const { items } = this;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= items.length) break;
      const right = items[childIndex + 1];
      if (right !== undefined && right.key < (items[childIndex] as T).key) childIndex += 1;
      const child = items[childIndex] as T;
      if (item.key <= child.key) break;
      items[index] = child;
      index = childIndex;
    }
    items[index] = item;
  }
}
