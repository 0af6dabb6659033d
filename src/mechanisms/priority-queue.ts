import { Heap } from '../core/heap.ts';

export interface PriorityQueueOptions {
  /** Waiting this long is worth one step of priority, so that nobody starves. */
  readonly agingMs: number;
  readonly maxItems?: number | undefined;
  /** Bound on the sum of weights (bytes of the waiting bodies). */
  readonly maxWeight?: number | undefined;
}

export interface Placement {
  /** 0 is the most urgent class; each class above it waits as if it had come agingMs later. */
  readonly priority: number;
  readonly weight?: number | undefined;
  /** Nobody wants the answer after this moment. */
  readonly deadlineMs?: number | undefined;
}

/** A place in the queue, to cancel it. Treat as opaque. */
export interface Place<Item> {
  readonly item: Item;
}

interface Waiting<Item> extends Place<Item> {
  readonly key: number;
  readonly weight: number;
  readonly deadlineMs: number;
  left: boolean;
}

export type Enqueued<Item> =
  /** `shed` had to make room: it was the least urgent. */
  | { readonly queued: true; readonly place: Place<Item>; readonly shed: readonly Item[] }
  | { readonly queued: false };

/**
 * Bounded queue by priority with ageing. Linear ageing never changes who is ahead of whom, so the
 * key `arrival + priority × agingMs` is fixed at arrival: a call of class p is overtaken only by
 * calls of class 0 that come within p × agingMs after it. O(log n) per call; a full queue sheds
 * its least urgent item, O(n), or the newcomer if that is the least urgent.
 */
export class PriorityQueue<Item> {
  readonly #options: PriorityQueueOptions;
  #heap = new Heap<Waiting<Item>>();
  /** Also the order of arrival. */
  readonly #waiting = new Set<Waiting<Item>>();
  #weight = 0;

  constructor(options: PriorityQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get weight(): number {
    return this.#weight;
  }

  push(nowMs: number, item: Item, placement: Placement): Enqueued<Item> {
    const { priority, weight = 0, deadlineMs = Number.POSITIVE_INFINITY } = placement;
    const key = nowMs + priority * this.#options.agingMs;
    const waiting: Waiting<Item> = { item, key, weight, deadlineMs, left: false };
    const victims = this.#victimsFor(waiting);
    if (victims === undefined) return { queued: false };
    for (const victim of victims) this.#drop(victim);
    this.#heap.push(key, waiting);
    this.#waiting.add(waiting);
    this.#weight += weight;
    return { queued: true, place: waiting, shed: victims.map((victim) => victim.item) };
  }

  /** The most urgent item that is still wanted; items past their deadline are dropped. */
  pop(nowMs: number): Item | undefined {
    for (;;) {
      const next = this.#heap.pop();
      if (next === undefined) return undefined;
      if (next.left) continue;
      this.#drop(next);
      if (next.deadlineMs > nowMs) return next.item;
    }
  }

  /** The item `pop` would give, deadlines aside. */
  peek(): Item | undefined {
    while (this.#heap.peek()?.left === true) this.#heap.pop();
    return this.#heap.peek()?.item;
  }

  /** The caller left; false when the item is no longer waiting. */
  remove(place: Place<Item>): boolean {
    const waiting = place as Waiting<Item>;
    if (waiting.left) return false;
    this.#drop(waiting);
    // Dead entries leave at the top by themselves; a queue that is mostly cancelled is rebuilt.
    if (this.#heap.size > REBUILD_FROM && this.#heap.size > 2 * this.#waiting.size) {
      this.#heap = new Heap();
      for (const alive of this.#waiting) this.#heap.push(alive.key, alive);
    }
    return true;
  }

  /** Removes and returns everything whose deadline has passed. */
  expire(nowMs: number): Item[] {
    const expired: Item[] = [];
    for (const waiting of this.#waiting) {
      if (waiting.deadlineMs > nowMs) continue;
      this.#drop(waiting);
      expired.push(waiting.item);
    }
    return expired;
  }

  /** Who must go for the newcomer to fit; undefined when the newcomer itself is the least urgent. */
  #victimsFor(newcomer: Waiting<Item>): Waiting<Item>[] | undefined {
    const { maxItems = Number.POSITIVE_INFINITY, maxWeight = Number.POSITIVE_INFINITY } =
      this.#options;
    if (newcomer.weight > maxWeight || maxItems < 1) return undefined;
    let items = this.#waiting.size + 1 - maxItems;
    let weight = this.#weight + newcomer.weight - maxWeight;
    if (items <= 0 && weight <= 0) return [];
    const leastUrgentFirst = [...this.#waiting].toReversed().toSorted((a, b) => b.key - a.key);
    const victims: Waiting<Item>[] = [];
    for (const candidate of leastUrgentFirst) {
      if (items <= 0 && weight <= 0) break;
      if (candidate.key <= newcomer.key) return undefined;
      victims.push(candidate);
      items -= 1;
      weight -= candidate.weight;
    }
    return victims;
  }

  #drop(waiting: Waiting<Item>): void {
    waiting.left = true;
    this.#waiting.delete(waiting);
    this.#weight -= waiting.weight;
  }
}

/** Below this size dead entries are not worth a rebuild. */
const REBUILD_FROM = 64;
