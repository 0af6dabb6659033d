/**
 * Stable binary min-heap: equal keys leave in insertion order, so that a run which schedules two
 * events for the same instant is reproducible.
 */
export class Heap<T> {
  readonly #keys: number[] = [];
  readonly #orders: number[] = [];
  readonly #items: T[] = [];
  #inserted = 0;

  get size(): number {
    return this.#items.length;
  }

  /** Smallest key, or undefined when empty. */
  peekKey(): number | undefined {
    return this.#keys[0];
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(key: number, item: T): void {
    let index = this.#items.length;
    const order = this.#inserted++;
    this.#keys.push(key);
    this.#orders.push(order);
    this.#items.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#keys[parent]! <= key) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#put(index, key, order, item);
  }

  pop(): T | undefined {
    const { length } = this.#items;
    if (length === 0) return undefined;
    const top = this.#items[0];
    const key = this.#keys.pop()!;
    const order = this.#orders.pop()!;
    const item = this.#items.pop()!;
    if (length > 1) this.#sink(key, order, item);
    return top;
  }

  #sink(key: number, order: number, item: T): void {
    const { length } = this.#items;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#before(child + 1, child)) child += 1;
      const childKey = this.#keys[child]!;
      if (key < childKey || (key === childKey && order < this.#orders[child]!)) break;
      this.#move(child, index);
      index = child;
    }
    this.#put(index, key, order, item);
  }

  #before(a: number, b: number): boolean {
    // Not by difference: Infinity - Infinity is NaN.
    const keyA = this.#keys[a]!;
    const keyB = this.#keys[b]!;
    return keyA < keyB || (keyA === keyB && this.#orders[a]! < this.#orders[b]!);
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from]!;
    this.#orders[to] = this.#orders[from]!;
    this.#items[to] = this.#items[from]!;
  }

  #put(index: number, key: number, order: number, item: T): void {
    this.#keys[index] = key;
    this.#orders[index] = order;
    this.#items[index] = item;
  }
}
