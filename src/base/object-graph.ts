/**
 * Objects as JSON and back, with what JSON alone loses: classes, maps, typed arrays, infinite numbers, and which references lead
 * to the same object. For state that is data through and through: what cannot be told (functions, unknown classes) throws, as it
 * is a programmer error; `#private` fields cannot be seen, so classes that are saved have none.
 */

interface Class {
  readonly name: string;
  readonly prototype: object;
}

type TypedArray = Uint32Array | Float64Array;

/** A value within a node: itself, or what JSON has no word for. */
type SavedValue =
  | string
  | number
  | boolean
  | null
  | { readonly ref: number }
  | { readonly number: 'Infinity' | '-Infinity' | 'NaN' | '-0' }
  | { readonly undefined: true };

type SavedNode =
  | { readonly type: 'array'; readonly items: SavedValue[] }
  | { readonly type: 'map'; readonly entries: (readonly [SavedValue, SavedValue])[] }
  /** Zeros are left out: position, value, position, value … */
  | { readonly type: 'uint32' | 'float64'; readonly length: number; readonly filled: SavedValue[] }
  | { readonly type: 'object'; readonly class: string | null; readonly fields: Record<string, SavedValue> };

/** The root first. Plain JSON. */
export interface SavedGraph {
  readonly nodes: readonly SavedNode[];
}

/**
 * @param classes those that the graph may hold, besides plain objects, arrays, maps and typed arrays
 * @param omitted names of fields that are left out, wherever they stand
 */
export function saveGraph(
  root: object,
  classes: readonly Class[],
  omitted: ReadonlySet<string> = new Set(),
): SavedGraph {
  const names = new Map(classes.map(({ name, prototype }) => [prototype, name]));
  const numbers = new Map<object, number>();
  const nodes: SavedNode[] = [];

  function save(value: unknown): SavedValue {
    if (typeof value === 'number') return saveNumber(value);
    if (value === undefined) return { undefined: true };
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value !== 'object') throw new TypeError(`Cannot save a ${typeof value}`);
    const known = numbers.get(value);
    if (known !== undefined) return { ref: known };
    const number = nodes.length;
    numbers.set(value, number);
    nodes.push(shellOf(value));
    fill(nodes[number] as SavedNode, value);
    return { ref: number };
  }

  function shellOf(value: object): SavedNode {
    if (Array.isArray(value)) return { type: 'array', items: [] };
    if (value instanceof Map) return { type: 'map', entries: [] };
    if (value instanceof Uint32Array) return { type: 'uint32', length: value.length, filled: [] };
    if (value instanceof Float64Array) return { type: 'float64', length: value.length, filled: [] };
    const prototype = Object.getPrototypeOf(value) as object;
    const name = names.get(prototype);
    if (name === undefined && prototype !== Object.prototype) {
      throw new TypeError(`Cannot save an object of the unknown class ${value.constructor.name}`);
    }
    return { type: 'object', class: name ?? null, fields: {} };
  }

  function fill(node: SavedNode, value: object): void {
    switch (node.type) {
      case 'array':
        for (const item of value as unknown[]) node.items.push(save(item));
        return;
      case 'map':
        for (const [key, item] of value as Map<unknown, unknown>) node.entries.push([save(key), save(item)]);
        return;
      case 'object':
        for (const [name, field] of Object.entries(value)) {
          if (!omitted.has(name)) node.fields[name] = save(field);
        }
        return;
      default:
        (value as TypedArray).forEach((item, position) => {
          if (item !== 0) node.filled.push(position, saveNumber(item));
        });
    }
  }

  save(root);
  return { nodes };
}

/** The root of a graph that `saveGraph` made with the same classes. Throws TypeError where it is none. */
export function restoreGraph(saved: SavedGraph, classes: readonly Class[]): object {
  const prototypes = new Map(classes.map(({ name, prototype }) => [name, prototype]));
  const objects = saved.nodes.map((node) => emptyObjectOf(node, prototypes));

  function restore(value: SavedValue): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if ('number' in value) return Number(value.number);
    return 'ref' in value ? objects[value.ref] : undefined;
  }

  saved.nodes.forEach((node, number) => {
    const object = objects[number] as object;
    switch (node.type) {
      case 'array':
        (object as unknown[]).push(...node.items.map(restore));
        return;
      case 'map':
        for (const [key, item] of node.entries) (object as Map<unknown, unknown>).set(restore(key), restore(item));
        return;
      case 'object':
        for (const [name, field] of Object.entries(node.fields)) {
          Object.defineProperty(object, name, { value: restore(field), writable: true, enumerable: true });
        }
        return;
      default:
        for (let i = 0; i < node.filled.length; i += 2) {
          (object as TypedArray)[node.filled[i] as number] = restore(node.filled[i + 1] as SavedValue) as number;
        }
    }
  });
  if (objects[0] === undefined) throw new TypeError('Cannot restore a graph without nodes');
  return objects[0];
}

function emptyObjectOf(node: SavedNode, prototypes: ReadonlyMap<string, object>): object {
  switch (node.type) {
    case 'array':
      return [];
    case 'map':
      return new Map();
    case 'uint32':
      return new Uint32Array(node.length);
    case 'float64':
      return new Float64Array(node.length);
    case 'object': {
      const prototype = node.class === null ? Object.prototype : prototypes.get(node.class);
      if (prototype === undefined) throw new TypeError(`Cannot restore an object of the unknown class ${node.class}`);
      return Object.create(prototype) as object;
    }
  }
}

function saveNumber(value: number): SavedValue {
  if (Number.isFinite(value)) return Object.is(value, -0) ? { number: '-0' } : value;
  return { number: String(value) as 'Infinity' };
}
