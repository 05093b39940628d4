/**
 * Field names that the codec acts on. Most lines of a head have other names: those are told apart by first letter and
 * length, without a look at the rest.
 */

interface Entry<Action> {
  /** Lower case: letters, digits and `-` only, which is what makes `isNameAt` exact. */
  readonly name: string;
  readonly action: Action;
}

/** Longer names share the last column. */
const MAX_LENGTH = 64;

export class NameTable<Action extends string> {
  /** By first letter and length; undefined where no known name looks like that. */
  private readonly shapes: (readonly Entry<Action>[] | undefined)[];

  /**
   * @param names lower case; one that ends in `*` stands for every longer name that begins so. The first
   *   that fits decides
   */
  constructor(names: Readonly<Record<string, Action>>) {
    const shapes: Entry<Action>[][] = Array.from({ length: 32 * MAX_LENGTH }, () => []);
    for (const [pattern, action] of Object.entries(names)) {
      const isPrefix = pattern.endsWith('*');
      const name = isPrefix ? pattern.slice(0, -1) : pattern;
      const last = isPrefix ? MAX_LENGTH - 1 : name.length;
      for (let length = pattern.length; length <= last; length++) {
        (shapes[shapeOf(name.charCodeAt(0), length)] as Entry<Action>[]).push({ name, action });
      }
    }
    this.shapes = shapes.map((shape) => (shape.length === 0 ? undefined : shape));
  }

  /** The action for the name text[start, end), a token in any case; undefined when the name is not known. */
  find(text: string, start: number, end: number): Action | undefined {
    const shape = this.shapes[shapeOf(text.charCodeAt(start), Math.min(end - start, MAX_LENGTH - 1))];
    if (shape === undefined) return undefined;
    for (const entry of shape) {
      if (isNameAt(text, start, entry.name)) return entry.action;
    }
    return undefined;
  }
}

/** In a token, only a letter's other case differs from it in bit 5 alone, so that setting the bit compares without case. */
function isNameAt(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if ((text.charCodeAt(start + i) | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
}

function shapeOf(firstCode: number, length: number): number {
  return (firstCode & 31) * MAX_LENGTH + length;
}
